"""What every page and every API call shares."""
