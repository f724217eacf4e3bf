"""One run from claim to checkpoint: leases, the child process, its progress."""
