"""`cadbench protocols`: list the built-in protocols, print one, or check a protocol file."""

from __future__ import annotations

import click

from ....results.counts import format_count, pluralize


@click.command("protocols")
@click.argument("name", required=False, metavar="[NAME|FILE]")
def command(name: str | None) -> None:
    """List the built-in protocols, print one as a file to copy and edit, or check a file.

    \b
    cadbench protocols mvtec-14-1 > ours.toml
    cadbench protocols ours.toml
    cadbench run --protocol ours.toml
    """
    from ...protocols.builtin import builtin_names, builtin_text, find_protocol
    from ...study.settings import parse_study_defaults

    if name is None:
        _list()
    elif name in builtin_names():
        click.echo(builtin_text(name), nl=False)
    else:
        protocol = find_protocol(name)
        parse_study_defaults(protocol)
        categories = protocol.categories
        of = f"{format_count(len(categories), 'category')} of " if categories else ""
        orders = f"{pluralize('order', len(protocol.orders))} {', '.join(protocol.orders)}"
        click.echo(
            f"{name} is a valid protocol: {protocol.id}, {of}{protocol.dataset}, schedule "
            f"{protocol.schedule}, {protocol.routing} routing, {orders}"
        )


def _list() -> None:
    from ....results.rendering.table import Table, text_column
    from ...protocols.builtin import builtin_names, find_protocol
    from ..shared.table_output import print_tables

    columns = ("name", "id", "schedule", "routing", "orders", "source")
    rows = []
    for name in builtin_names():
        protocol = find_protocol(name)
        orders = ", ".join(protocol.orders)
        rows.append(
            (name, protocol.id, protocol.schedule, protocol.routing, orders, protocol.source)
        )
    notes = ("rows with the same id are comparable; `cadbench protocols NAME` prints the file",)
    print_tables([Table("Protocols", tuple(map(text_column, columns)), tuple(rows), notes)])
