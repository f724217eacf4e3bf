"""Models that the live embedding was not trained on, or of which more is known since."""
