"""Preference losses and their scaling: pure functions."""
