"""Live conversation with two blind answers."""
