"""The one exception family: every message says what was wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Iterable


class CadbenchError(Exception):
    """A failure that is not the caller's choice of words (exit code 1): a broken file, no space."""

    exit_code = 1
    listed: tuple[str, ...] = ()
    """What there is to choose from, shown a line each below the message."""


class UsageError(CadbenchError):
    """A wrong option, name, value or combination of them (exit code 2)."""

    exit_code = 2

    def __init__(self, *words: object, listed: Iterable[str] = ()) -> None:
        super().__init__(*words)
        self.listed = tuple(listed)


class DataError(CadbenchError):
    """A dataset that is missing, empty, unreadable or inconsistent."""


class RecordError(CadbenchError):
    """A run record that is incomplete, altered or of another schema."""


class OtherSchemaError(RecordError):
    """A run record that another version of cadbench wrote."""
