"""Subcommands that compute cells: `run`, `paper` and `check`."""
