"""Calibration prompts: a small set that is put to a new model for a first vector of it.

`anchors` chooses the prompts, `answer_map` turns the answers to them into a prior.
"""
