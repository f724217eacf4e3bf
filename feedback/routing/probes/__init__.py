"""Calibration prompts: a few well-chosen prompts whose answers tell what a new model is like."""
