"""Measures: how good a result is against known truth. Pure functions, one home per definition."""
