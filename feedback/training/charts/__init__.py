"""Curves, distributions and metrics of a run, drawn on the server."""
