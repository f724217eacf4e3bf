"""Gold items: comparisons whose right answer is known, handed out unseen among the others."""
