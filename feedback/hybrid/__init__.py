"""AI judges, and who labels a comparison: a person or an AI."""
