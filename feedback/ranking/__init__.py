"""Leaderboards with confidence intervals, from aggregated counts."""
