"""Family ``tagger``: token classification with a fine-tuned encoder."""
