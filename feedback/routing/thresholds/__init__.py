"""A strong and a weak model, and the threshold that divides the prompts between them."""
