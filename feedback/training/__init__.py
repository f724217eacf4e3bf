"""Runs, schedules, snapshots, artifacts, promotion."""
