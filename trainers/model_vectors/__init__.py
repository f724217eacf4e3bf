"""Vectors of language models: what was observed of them, their posteriors, and how they score.

The numeric core of an embedding artifact, below the trainer that fits one (`trainers.embedding`)
and what reads it (`forecast`, `off_policy`, `calibration_prompts`, `model_map`). All but the
encoding of prompts is numpy, so that the web process can import it.
"""
