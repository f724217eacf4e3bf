"""Training model embeddings: evidence of a snapshot in, one artifact with forecasts out."""
