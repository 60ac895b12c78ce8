"""Choosing the records that a table is made of."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import click

from ....results.errors import UsageError
from ....results.records.record import Record
from ....results.records.store import find_records
from ....results.sanitizing import printable
from ...system.did_you_mean import suggestion
from .output import FORMATS

methods_option: Callable[..., Any] = click.option(
    "--methods", default=None, metavar="A,B,...", help="Only these methods."
)
protocol_option: Callable[..., Any] = click.option(
    "--protocol",
    default=None,
    metavar="ID",
    help="Only this protocol: its id, or a built-in's name.",
)
format_option: Callable[..., Any] = click.option(
    "--format",
    "output",
    type=click.Choice(["auto", *FORMATS]),
    default="auto",
    show_default=True,
    help="auto draws on a terminal and writes Markdown elsewhere.",
)


def chosen_records(out: Path, methods: Sequence[str] | None, protocol: str | None) -> list[Record]:
    """The records under `out` that the options leave; `UsageError` where none does."""
    records = find_records(out, warn=_warn)
    if not records:
        raise UsageError(f"no records under {out}; `cadbench run` makes some, or give --out")
    if protocol is not None:
        wanted = _id_of(protocol, {record.protocol for record in records})
        records = _only(records, [wanted], lambda record: record.protocol, "--protocol")
    if methods is not None:
        records = _only(records, methods, lambda record: record.method, "--methods")
    return records


def _warn(line: str) -> None:
    click.echo(f"warning: {printable(line)}", err=True)


def _id_of(protocol: str, known: Collection[str]) -> str:
    """The id that is meant; the built-in protocols' names are looked up only where it is none."""
    if protocol in known:
        return protocol
    from ...protocols.builtin import builtin_names, find_protocol

    return find_protocol(protocol).id if protocol in builtin_names() else protocol


def _only(
    records: list[Record], wanted: Sequence[str], name: Callable[[Record], str], option: str
) -> list[Record]:
    known = sorted({name(record) for record in records})
    for word in wanted:
        if word not in known:
            raise UsageError(
                f"{option}: no record of {word!r}{suggestion(word, known)}; "
                f"there are: {', '.join(known)}"
            )
    return [record for record in records if name(record) in wanted]
