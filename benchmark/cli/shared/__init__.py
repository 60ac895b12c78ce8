"""Shared by subcommands: options, record selection, row names, output formats, progress."""
