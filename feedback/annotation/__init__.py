"""The queue: one contributor's lease of a task, and the judgment it brings."""
