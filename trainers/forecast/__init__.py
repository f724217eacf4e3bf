"""What a model may be expected to do where it has hardly been tried."""
