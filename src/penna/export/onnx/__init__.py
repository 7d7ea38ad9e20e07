"""The ONNX exporter: writes encoders and encoder-decoders as artifacts that the runtime opens."""
