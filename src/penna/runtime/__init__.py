"""Runtimes: run exported models without PyTorch."""
