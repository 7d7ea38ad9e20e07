"""The training loop: batches, losses, optimizer, number format and throughput."""
