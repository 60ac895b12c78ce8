"""Subcommands that read finished run records: tables, figures, comparisons, reports, export and
import.
"""
