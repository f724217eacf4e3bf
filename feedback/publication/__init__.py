"""What becomes public, when: export, releases, withdrawal."""
