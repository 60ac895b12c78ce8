"""Continue without the records that cannot be read, and name each on standard error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import click

from ....results.errors import CadbenchError, RecordError
from ....results.records.record import Record
from .messages import echo

T = TypeVar("T")


def with_readable(
    records: Sequence[Record], make: Callable[[list[Record]], T]
) -> tuple[T, list[Record]]:
    """Call `make`; if it fails because of unreadable records, call it again without them.

    Nothing is checked unless `make` fails.

    Args:
        records: what to call it with.
        make: a function of records that prints nothing.

    Returns:
        What `make` returned, and the records that it was called with.

    Raises:
        RecordError: no record is readable.
    """
    from ....results.exchange.verification import describe_damage

    remaining = list(records)
    while True:
        try:
            return make(remaining), remaining
        except (click.ClickException, MemoryError, BrokenPipeError):
            raise
        except Exception as error:
            if isinstance(error, CadbenchError) and not isinstance(error, RecordError):
                raise
            damages = [describe_damage(record) for record in remaining]
            if not any(damages):
                raise
            described = [
                f"{record.path}: {damage}"
                for record, damage in zip(remaining, damages, strict=True)
                if damage
            ]
            if len(remaining) == 1:
                raise RecordError(described[0]) from error
            for line in described:
                warn(f"skipped: {line}")
            remaining = [r for r, damage in zip(remaining, damages, strict=True) if not damage]
            if not remaining:
                raise RecordError("none of these records can be read (see above)") from error


def warn(line: str) -> None:
    """Print a warning on standard error."""
    echo(f"warning: {line}", err=True)
