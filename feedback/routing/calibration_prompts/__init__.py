"""Calibration prompts: a few well-chosen prompts whose answers tell what a new model is like.

Addresses, commands, tasks and stored names call them the probe.
"""
