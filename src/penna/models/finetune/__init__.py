"""Family ``finetune``: fine-tuning of an encoder."""
