"""Family ``linear``: TF-IDF and columns with linear models."""
