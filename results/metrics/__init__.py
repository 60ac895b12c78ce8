"""Metrics as pure functions, NumPy only."""
