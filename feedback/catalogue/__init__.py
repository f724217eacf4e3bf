"""The public pages and REST of models: list, map, one model, benchmarks."""
