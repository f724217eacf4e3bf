"""Settings as small frozen dataclasses: their bounds and meanings, and values read into them."""
