"""ONNX graphs as plain arrays: written, read back strictly and verified; no PyTorch."""
