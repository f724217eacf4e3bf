"""Continuous batching: one thread a base checkpoint, in which all answers advance together."""
