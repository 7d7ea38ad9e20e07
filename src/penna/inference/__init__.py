"""Batch prediction: stream a file through a model."""
