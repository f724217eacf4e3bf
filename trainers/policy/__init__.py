"""Preference-scaled DPO with LoRA on any causal transformers checkpoint."""
