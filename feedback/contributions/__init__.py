"""What one person gave: effects, change, withdrawal, download, leaving."""
