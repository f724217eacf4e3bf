"""Reports of texts that should not be here, and taking them out of circulation."""
