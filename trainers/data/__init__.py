"""What trainers read: public formats, snapshots, and their rows as arrays."""
