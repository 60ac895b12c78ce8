"""Shared by subcommands: options, selecting records and rows, printing tables."""
