"""Grouping records into rows, comparing rows, and the quantities that a column shows."""
