"""Evaluating one cell: what the method receives, what is scored, how long it takes."""
