"""Family ``reader``: extractive question answering with a fine-tuned encoder."""
