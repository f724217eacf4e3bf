"""Why these models: decisions read back from their log, and what routers are worth."""
