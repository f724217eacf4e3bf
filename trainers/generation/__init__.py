"""Writing answers with a causal model, several at a time: cache, batch, drawing, text.

The inference server writes as requests come and go, evaluation a list at once; both by `step`.
"""
