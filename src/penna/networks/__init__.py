"""PyTorch modules: encoders with a head, token classifiers, encoder-decoders."""
