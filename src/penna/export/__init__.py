"""Exporters: from a trained model to the files that a runtime opens."""
