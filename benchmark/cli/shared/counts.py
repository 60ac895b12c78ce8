"""Moved to `results.counts`; the subcommands of `running/` still import it from here."""

from ....results.counts import format_count as format_count
