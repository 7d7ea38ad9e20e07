"""The version, where every floor can read it. A leaf."""

__version__ = "0.1.0"
