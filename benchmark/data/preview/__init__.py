"""Preview a dataset: statistics, near duplicates, contact sheets."""
