"""Accounts through django-allauth: making, claiming, signing in."""
