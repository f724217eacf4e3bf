"""New models (cold start): posteriors of versions that are newer than the live embedding."""
