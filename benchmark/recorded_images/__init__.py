"""Test images of a finished run with their anomaly maps and masks, for figures and the report."""
