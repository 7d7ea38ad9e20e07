"""Family ``sliding_window``: extractive question answering without an encoder."""
