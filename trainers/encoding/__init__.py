"""The sentence encoder and its disk cache."""
