"""Health, metrics and what operators watch."""
