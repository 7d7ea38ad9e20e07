"""Columns of a table: their types, and which of them are used."""
