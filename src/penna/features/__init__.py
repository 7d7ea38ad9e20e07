"""Features of texts and columns."""
