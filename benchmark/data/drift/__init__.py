"""Drift: the domains under which categories return, and the manifest of a drifted dataset."""
