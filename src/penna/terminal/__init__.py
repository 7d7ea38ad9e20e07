"""Terminal output of fits and tables of results. Knows rich; never a task or a search."""
