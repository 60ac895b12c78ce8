"""Subcommands that list methods, metrics, protocols and drift domains, or create a new method."""
