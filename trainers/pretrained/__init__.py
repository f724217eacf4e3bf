"""Checkpoints that packages carry: where they lie, whether they are whole, and as safetensors.

A package is found and checked without torch; a GGUF file becomes an ordinary `transformers`
checkpoint once, in `models_folder()`, so that everything else sees a folder like any other.
"""
