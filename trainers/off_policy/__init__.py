"""Estimate what a router would be worth from the decisions of another one.

docs/algorithms/off-policy.md says what is estimated, from what, and what it assumes.
"""
