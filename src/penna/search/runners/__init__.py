"""Runners: they execute proposed trials."""
