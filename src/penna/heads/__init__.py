"""Heads: small models on top of embeddings, and links from margins to predictions."""
