"""Subcommands that work on records: tables, figures, comparisons, reports, export and import."""
