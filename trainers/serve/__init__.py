"""The inference server: OpenAI-compatible embeddings and chat, and rewards, over artifacts.

One event loop answers requests; each kind of model works in threads of its own (`batcher`).
"""
