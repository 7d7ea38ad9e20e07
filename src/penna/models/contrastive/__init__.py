"""Family ``contrastive``: contrastive fine-tuning of an encoder on few labeled texts."""
