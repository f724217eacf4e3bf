"""The inference server: OpenAI-compatible embeddings and chat, and rewards, over artifacts."""
