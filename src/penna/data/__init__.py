"""Tables, splits, ragged arrays and readers."""
