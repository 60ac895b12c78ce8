"""The exceptions of cadbench. Every message says what happened, where, and what to do."""

from __future__ import annotations

from collections.abc import Iterable


class CadbenchError(Exception):
    """A failure that other arguments would not avoid, such as a broken file (exit code 1)."""

    exit_code = 1
    listed: tuple[str, ...] = ()
    """The possible choices, printed one per line below the message."""


class UsageError(CadbenchError):
    """A wrong option, name or value, or options that exclude each other (exit code 2)."""

    exit_code = 2

    def __init__(self, *words: object, listed: Iterable[str] = ()) -> None:
        super().__init__(*words)
        self.listed = tuple(listed)


class DataError(CadbenchError):
    """A dataset that is missing, empty, unreadable or inconsistent."""


class RecordError(CadbenchError):
    """A run record that is incomplete, altered or written with another record schema."""


class OtherSchemaError(RecordError):
    """A run record with the record schema of another version of cadbench."""
