"""A scalar head on a transformer that is itself tuned: whole, in its last layers, or by LoRA."""
