"""Consensus of raters and their estimated reliability."""
