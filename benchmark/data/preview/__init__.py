"""Previewing a dataset: statistics, near-duplicates, contact sheets."""
