"""`cadbench domains`: list the image changes of `--drift` with their exact parameters."""

from __future__ import annotations

import click


@click.command("domains")
def command() -> None:
    """List the domains of --drift: each kind, its strengths from 1 up, and its effect.

    A domain changes images after the resize and before the crop. Geometric domains change the masks
    in the same way.
    """
    from ....results.rendering.table import Column, Table, Value, text_column
    from ...data.domains import DOMAINS_VERSION, KINDS
    from ..shared.table_output import print_tables

    most = max(len(kind.strengths) for kind in KINDS.values())
    columns = (
        *(text_column(name) for name in ("kind", "parameter")),
        *(Column(f":{strength}", 2) for strength in range(1, most + 1)),
        *(text_column(name) for name in ("moves masks", "what it does")),
    )
    rows: list[tuple[Value, ...]] = []
    for name, kind in KINDS.items():
        moves = "yes" if kind.moves_pixels else "no"
        rows.append((name, kind.parameter, *kind.strengths, moves, kind.meaning))
    note = f"version {DOMAINS_VERSION}; write KIND:STRENGTH, such as --drift dark:2,blur:1"
    print_tables([Table("Domains", columns, tuple(rows), (note,))])
