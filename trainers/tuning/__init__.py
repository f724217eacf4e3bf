"""The one training loop: batches, steps, checkpoints, devices, processes."""
