"""Gold items: comparisons with a known answer, made and handed out unseen among the others."""
