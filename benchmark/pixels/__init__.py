"""Pixel metrics: anomaly maps and defect masks on one pixel grid, and the metrics of a category."""
