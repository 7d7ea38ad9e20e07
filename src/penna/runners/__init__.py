"""Runners: where attempts happen. One file each. A runner turns asks into trials in the ledger; it judges nothing."""
