"""Family ``trees``: gradient-boosted trees."""
