"""The networks of trained detectors."""
