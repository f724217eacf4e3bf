"""How often a person, a key or an address may do something."""
