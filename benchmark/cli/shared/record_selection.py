"""Select records by `--methods` and `--protocol`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import click

from ....results.did_you_mean import suggestion
from ....results.errors import UsageError
from ....results.records.record import Record
from ....results.records.store import find_records
from .readable_records import warn
from .table_output import FORMATS

methods_option: Callable[..., Any] = click.option(
    "--methods", default=None, metavar="A,B,...", help="Only these methods."
)
protocol_option: Callable[..., Any] = click.option(
    "--protocol",
    default=None,
    metavar="ID",
    help="Only this protocol: an id, or the name of a built-in protocol.",
)
format_option: Callable[..., Any] = click.option(
    "--format",
    "output",
    type=click.Choice(["auto", *FORMATS]),
    default="auto",
    show_default=True,
    help="Output format; auto prints aligned columns on a terminal and Markdown elsewhere.",
)


def select_records(
    out: Path,
    methods: Sequence[str] | None,
    protocol: str | None,
    warn: Callable[[str], object] = warn,
) -> list[Record]:
    """The records under `out` that have one of the methods and the protocol.

    Args:
        out: folder of the records.
        methods: names of methods; None for all.
        protocol: a protocol's id or a built-in protocol's name; None for all.
        warn: called with one line per record that cannot be read; prints it by default.

    Raises:
        UsageError: no record is left.
    """
    records = find_records(out, warn=warn)
    if not records:
        raise UsageError(
            f"no records in {out}; create some with `cadbench run`, or choose the folder with --out"
        )
    if protocol is not None:
        wanted = _id_of(protocol, {record.protocol for record in records})
        records = _only(records, [wanted], lambda record: record.protocol, "--protocol")
    if methods is not None:
        records = _only(records, methods, lambda record: record.method, "--methods")
    return records


def _id_of(protocol: str, ids: Collection[str]) -> str:
    """The id of a protocol that is given by its id or by a built-in protocol's name."""
    if protocol in ids:
        return protocol
    from ...protocols.builtin import builtin_names, find_protocol

    return find_protocol(protocol).id if protocol in builtin_names() else protocol


def _only(
    records: list[Record], wanted: Sequence[str], name: Callable[[Record], str], option: str
) -> list[Record]:
    available = sorted({name(record) for record in records})
    for word in wanted:
        if word not in available:
            raise UsageError(
                f"{option}: no record of {word!r}{suggestion(word, available)}; available: "
                f"{', '.join(available)}"
            )
    return [record for record in records if name(record) in wanted]
