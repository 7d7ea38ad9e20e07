"""Runners: where attempts happen. One file each. A runner turns asks into trials and keeps the ledger; it judges nothing."""
