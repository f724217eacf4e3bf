"""The OpenAI-compatible gateway: any client of that API gets routed answers, and can judge them."""
