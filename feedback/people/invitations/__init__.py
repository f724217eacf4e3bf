"""One-time links that give their first visitor a role and a trust tier."""
