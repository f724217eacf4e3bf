"""The public pages and REST of models.

selectors               the list, one model, its ratings by topic, its record against the others
facts                   size, speed and instructions of a model, and what it was made from
benchmarks, forecasts   what training measured, and what the router expects
coordinates, model_map, map_svg     from vectors to the drawn map
api, views, urls
"""
