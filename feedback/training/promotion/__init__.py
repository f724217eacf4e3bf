"""Which checkpoint of a kind is live: evaluation, gate, promotion and what it changes."""
