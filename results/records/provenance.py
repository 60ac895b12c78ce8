"""Versions, commits and devices that records were made with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .record import Record


def provenance(records: Iterable[Record]) -> dict[str, str]:
    """Collect versions, git commits and devices of records.

    Returns:
        Name (`python`, `torch`, ..., `git commit`, `device`) -> the distinct values, sorted and
        joined by commas.
    """
    found: dict[str, dict[str, None]] = {}
    for record in records:
        for name, value in of_one(record).items():
            found.setdefault(name, {})[value] = None
    return {name: ", ".join(sorted(values)) for name, values in found.items()}


def of_one(record: Record) -> Mapping[str, str]:
    """Versions, git commit and device of one record; `+` marks a commit with local changes."""
    return {
        **record.run["versions"],
        "git commit": record.run["git_commit"] or "not known",
        "device": record.run["device"],
    }
