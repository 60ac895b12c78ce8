"""What records were made with: versions, commits and devices, each value once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .record import Record


def provenance(records: Iterable[Record]) -> dict[str, str]:
    """`python` .. `faiss-cpu`, `git commit`, `device` -> the values found, joined by commas."""
    found: dict[str, dict[str, None]] = {}
    for record in records:
        for name, value in of_one(record).items():
            found.setdefault(name, {})[value] = None
    return {name: ", ".join(sorted(values)) for name, values in found.items()}


def of_one(record: Record) -> Mapping[str, str]:
    """The same of one record; a commit with `+` had changes that were not committed."""
    return {
        **record.run["versions"],
        "git commit": record.run["git_commit"] or "not known",
        "device": record.run["device"],
    }
