"""What follows for each rater: quarantine, weight, and the pages about it."""
