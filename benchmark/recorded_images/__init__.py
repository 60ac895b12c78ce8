"""Test images of a finished run with their anomaly maps, for figures and the report."""
