"""Data checks, column typing, text cleaning and label noise."""
