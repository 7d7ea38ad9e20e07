"""ONNX graphs as plain arrays: writers, a strict reader and a verification. No PyTorch."""
