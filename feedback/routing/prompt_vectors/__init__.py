"""Vectors of prompts: asked of the inference server, kept in pgvector."""
