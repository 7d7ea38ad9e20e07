"""The artifact: one folder that predicts without PyTorch, its manifest, checksums and measurements."""
