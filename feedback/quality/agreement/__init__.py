"""How far raters agree: with one another, and people with AI judges."""
