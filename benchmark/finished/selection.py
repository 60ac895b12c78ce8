"""Select records: by field, by row name, or those nearest to what a user wrote."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from ...results.analysis.rows import rows_of
from ...results.did_you_mean import suggestion
from ...results.errors import UsageError
from ...results.metrics.registry import CATEGORY_METRICS
from ...results.records.record import Record
from .row_names import find_rows

T = TypeVar("T")


def with_value(
    records: Sequence[T],
    wanted: Sequence[str],
    of: Callable[[T], str],
    where: str,
    noun: str = "record",
) -> list[T]:
    """Return the records whose value is one of those wanted.

    Args:
        records: the records, or other things.
        wanted: the values.
        of: a function that returns the value of a record; empty if it is not known.
        where: what was given, such as `--methods`, for messages.
        noun: what messages call a record.

    Raises:
        UsageError: no record has one of the values.
    """
    available = sorted({of(record) for record in records} - {""})
    for value in wanted:
        if value not in available:
            raise UsageError(
                f"{where}: no {noun} has {value!r}{suggestion(value, available)}; available: "
                f"{', '.join(available)}"
            )
    return [record for record in records if of(record) in wanted]


def with_params(records: Sequence[Record], params: Mapping[str, Any]) -> list[Record]:
    """Return the records of methods that have all these parameters with one of the values.

    Args:
        records: the records.
        params: parameter -> a value or several.

    Raises:
        UsageError: no record has the parameter or the value.
    """
    found = list(records)
    for name, value in params.items():
        available = sorted({each for record in records for each in record.params})
        if name not in available:
            raise UsageError(
                f"no record has a parameter {name!r}{suggestion(name, available)}; available: "
                f"{', '.join(available)}"
            )
        several = isinstance(value, Iterable) and not isinstance(value, str)
        wanted = [str(each) for each in (value if several else [value])]
        found = [record for record in found if name in record.params]
        written = {record.key: str(record.params[name]) for record in found}
        found = with_value(found, wanted, partial(_written, written), name)
    return found


def check_metric(name: str) -> None:
    """Raise `UsageError` if there is no metric of categories of this name."""
    if name not in CATEGORY_METRICS:
        raise UsageError(
            f"no metric of categories has the name {name!r}{suggestion(name, CATEGORY_METRICS)}; "
            f"available: {', '.join(CATEGORY_METRICS)}"
        )


def protocol_id(protocol: str, ids: Collection[str]) -> str:
    """Return the id of a protocol, given as an id of `ids` or as a built-in protocol's name."""
    if protocol in ids:
        return protocol
    from ..protocols.builtin import builtin_names, find_protocol

    return find_protocol(protocol).id if protocol in builtin_names() else protocol


def of_refs(records: Sequence[Record], refs: Sequence[str]) -> list[Record]:
    """Return the records that row names select; without any, all records.

    Args:
        records: the records.
        refs: each a method (all its rows), a method with settings, or the beginning of a key; a
            run's own key selects that run only.

    Raises:
        UsageError: a name matches nothing, or several rows.
    """
    if not refs:
        return list(records)
    found: list[Record] = []
    row_refs = []
    for ref in refs:
        runs = [record for record in records if record.method == ref]
        own = [r for r in records if len(ref) >= 4 and r.key.startswith(ref)]
        if runs or len(own) == 1:
            found += runs or own
        else:
            row_refs.append(ref)
    rows = find_rows(row_refs, rows_of(records))
    chosen = {record.key for record in [*found, *(r for row in rows for r in row.records)]}
    return [record for record in records if record.key in chosen]


def backbone_of(record: Record) -> str:
    """The backbone of a record's features."""
    return str(record.cell["features"]["backbone"])


def _written(values: Mapping[str, str], record: Record) -> str:
    return values[record.key]
