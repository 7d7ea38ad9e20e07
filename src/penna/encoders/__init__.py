"""Encoders: finding and loading of checkpoints, tokens, embeddings and their caches. Knows texts, never a task."""
