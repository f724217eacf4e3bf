"""Which models a person sees next, and the log of those decisions."""
