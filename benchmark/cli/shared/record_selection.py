"""Select records by `--methods` and `--protocol`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from ....results.errors import UsageError
from ....results.records.record import Record
from ....results.records.store import find_records
from ...finished.selection import protocol_id, with_value
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
routing_option: Callable[..., Any] = click.option(
    "--routing",
    type=click.Choice(["oracle", "inferred"]),
    default=None,
    help="Only records with this routing.",
)
common_option: Callable[..., Any] = click.option(
    "--common",
    is_flag=True,
    help="Keep rows that lack seeds or orders: compare the runs that all rows share.",
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
    out: Path | Sequence[Path],
    methods: Sequence[str] | None,
    protocol: str | None,
    warn: Callable[[str], object] = warn,
    *,
    routing: str | None = None,
) -> list[Record]:
    """The records under `out` that have one of the methods, the protocol and the routing.

    Args:
        out: folder of the records, or several.
        methods: names of methods; None for all.
        protocol: a protocol's id or a built-in protocol's name; None for all.
        warn: called with one line per record that cannot be read; prints it by default.
        routing: `oracle` or `inferred`; None for both.

    Raises:
        UsageError: no record is left.
    """
    folders = [out] if isinstance(out, Path) else out
    records = [record for folder in folders for record in find_records(folder, warn=warn)]
    if not records:
        raise UsageError(
            f"no records in {', '.join(map(str, folders))}; create some with `cadbench run`, or "
            "choose the folder with --out"
        )
    if protocol is not None:
        wanted = protocol_id(protocol, {record.protocol for record in records})
        records = with_value(records, [wanted], lambda record: record.protocol, "--protocol")
    if methods is not None:
        records = with_value(records, methods, lambda record: record.method, "--methods")
    if routing is not None:
        records = with_value(records, [routing], lambda record: record.routing, "--routing")
    return records
