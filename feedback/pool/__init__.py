"""The shared pool: prompts, responses, outcomes, comparisons, preferences; the one write path."""
