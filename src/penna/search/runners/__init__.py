"""Runners: where trials are run."""
