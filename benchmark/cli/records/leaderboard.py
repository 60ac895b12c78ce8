"""`cadbench leaderboard`: rank all records, on the terminal or as a board with a Markdown page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ....results.counts import format_count
from ....results.errors import UsageError
from ....results.sanitizing import printable
from ...plugins.default_params import default_params
from ..shared.options import DEFAULT_OUT, is_given, parse_names, repeatable_command
from ..shared.readable_records import with_readable
from ..shared.record_selection import format_option, methods_option, select_records
from ..shared.table_output import print_tables

if TYPE_CHECKING:
    from ....results.analysis.rows import Row
    from ....results.records.record import Record


@click.command("leaderboard")
@methods_option
@click.option(
    "--protocol",
    default=None,
    metavar="ID,...",
    help="Only these protocols: ids, or names of built-in protocols.",
)
@click.option(
    "--sort",
    default="acc",
    show_default=True,
    metavar="[-]METRIC",
    help="Metric to rank by (see `cadbench metrics`); with -, from worst to best.",
)
@click.option(
    "--publish",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FOLDER",
    help="Add the rows to the board in this folder, one JSON file per protocol and dataset, and "
    "write its Markdown page: FOLDER in capitals with .md, beside it. Rows that the board has "
    "stay unless a record has their configuration; delete a file to start again.",
)
@format_option
@click.option(
    "--out",
    "outs",
    type=click.Path(file_okay=False, path_type=Path),
    multiple=True,
    default=(DEFAULT_OUT,),
    show_default=True,
    help="Folder that holds the run records; repeat it to rank those of several.",
)
@click.pass_context
def command(
    context: click.Context,
    methods: str | None,
    protocol: str | None,
    sort: str,
    publish: Path | None,
    output: str,
    outs: tuple[Path, ...],
) -> None:
    """Rank all records, in one table per protocol, dataset and routing.

    Published numbers with the same stream and definition follow below, grouped by how they were
    verified.
    """
    from ....results.analysis.quantities import full_name, quantity
    from ....results.leaderboard.boards import leaderboard
    from ....results.published.rows import load_published

    name = sort.removeprefix("-")
    sort = sort[: len(sort) - len(name)] + full_name(name)
    try:
        quantity(full_name(name))
    except UsageError as error:
        raise UsageError(f"--sort {sort}: {error}") from error
    for option in ("output", "sort") if publish is not None else ():
        if is_given(context, option):
            flag = "--format" if option == "output" else "--sort"
            raise UsageError(
                f"--publish ranks by AUROC and writes JSON and Markdown; remove {flag}"
            )
    names, protocols = parse_names(methods), parse_names(protocol) or (None,)
    records = [record for each in protocols for record in select_records(outs, names, each)]
    if publish is not None:
        options = {"--methods": methods, "--protocol": protocol}
        words = ["cadbench", "leaderboard", "--publish", publish]
        _publish(records, publish, repeatable_command(words, options))
        return
    tables, _ = with_readable(
        records,
        lambda readable: leaderboard(
            readable,
            sort=sort,
            defaults=default_params(readable),
            published=load_published(),
        ),
    )
    print_tables(tables, output, more="`--format markdown` or a wider terminal shows them")


def _publish(records: list[Record], folder: Path, made_with: str) -> None:
    """Add the rows of the records to the board in a folder, and write its page."""
    from ....results.leaderboard.publishing import files_to_publish, page_of
    from ....results.published.rows import load_published
    from ....results.storage.files import write_bytes

    if folder.is_file() or folder.suffix == ".md" or folder.name in ("", ".."):
        raise UsageError(
            f"--publish {folder}: name the folder of the board, such as board; its page is written "
            "beside it, as BOARD.md"
        )
    files, records = with_readable(
        records,
        lambda readable: files_to_publish(readable, folder, load_published(), _describe, made_with),
    )
    for file, content in files.items():
        write_bytes(file, content)
    count = format_count(len(records), "record")
    click.echo(printable(f"{count} added to the board in {folder}; its page is {page_of(folder)}"))


def _describe(row: Row) -> tuple[Mapping[str, Any], str]:
    from .run_command import run_command

    defaults = default_params([row.first]).get(row.first.method, {})
    return defaults, run_command(row, defaults)
