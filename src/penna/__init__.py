"""Penna: AutoML for text under a budget."""
