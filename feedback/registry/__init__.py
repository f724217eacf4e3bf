"""Language models, their immutable versions, and the providers that serve them."""
