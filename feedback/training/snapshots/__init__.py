"""The pool as an immutable, content-addressed snapshot."""
