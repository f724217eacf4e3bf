"""Heads on cached features of a frozen encoder."""
