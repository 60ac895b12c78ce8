"""Metrics of a run that are computed from its events."""
