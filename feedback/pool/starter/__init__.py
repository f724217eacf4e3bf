"""The starter pool: answers written for this project, graded, and what follows from the grades."""
