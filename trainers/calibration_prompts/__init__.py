"""A first vector for a model that nobody has judged, from a small set of prompts put to it."""
