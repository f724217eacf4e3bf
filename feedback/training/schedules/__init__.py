"""Periodic training: schedules and their page."""
