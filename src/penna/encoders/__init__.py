"""Encoders: where a checkpoint is found, its tokens, its embeddings and their caches. Knows texts, never a task."""
