"""Recipes, trials, search strategies and runners."""
