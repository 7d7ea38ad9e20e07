"""Family ``seq2seq``: encoder-decoder translation."""
