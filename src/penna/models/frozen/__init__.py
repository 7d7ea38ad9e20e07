"""Family ``frozen``: a frozen encoder with a small head."""
