"""`cadbench data`: download, verify, list and preview datasets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...progress.choose_reporter import choose_reporter
from ...system.cache import cache_root
from ..shared.messages import echo
from ..shared.options import (
    categories_option,
    data_root_option,
    dataset_option,
    parse_names,
    quiet_option,
    skip_option,
)
from . import download as data_download
from . import preview as data_preview
from . import verify as data_verify
from .entry import show_entry

if TYPE_CHECKING:
    from ....results.rendering.table import Table
    from ...data.opening.locations import DataRoots


@click.group("data")
def command() -> None:
    """Download, verify and preview datasets."""


command.add_command(data_download.command)
command.add_command(data_verify.command)
command.add_command(data_preview.command)


@command.command("info")
@click.argument("name", required=False)
@dataset_option
@data_root_option
@categories_option
@skip_option
@quiet_option
def info(
    name: str | None,
    dataset: str,
    data_root: Path | DataRoots | None,
    categories: str | None,
    skip_unreadable: bool,
    quiet: bool,
) -> None:
    """List datasets and show the categories, counts and manifest hash of one or several.

    With NAME: show the license, citation, counts and source of a public dataset. Other names, such
    as `folder`, mean the same as --dataset NAME.
    """
    from ...data.catalog import entry_names

    if name in entry_names():
        show_entry(name, data_root)
        return
    from ....results.rendering.table import Column, Table, Value, text_column
    from ...data.opening.category_counts import count_categories
    from ...data.opening.open_dataset import open_dataset
    from ...data.opening.registry import AUTO, load_reader
    from ...data.opening.resolve import how_to_obtain
    from ..shared.table_output import print_tables

    dataset = name or dataset
    if dataset == AUTO:
        print_tables([_dataset_table(data_root)])
    manifest = open_dataset(
        dataset,
        data_root,
        parse_names(categories),
        skip_unreadable=skip_unreadable,
        cache=cache_root(),
        reporter=choose_reporter(-1 if quiet else 0),
    )
    described = count_categories(manifest)
    official = any(row.published for row in described)
    columns = [
        text_column("category"),
        Column("train"),
        Column("test good"),
        Column("test defective"),
        Column("masks"),
        text_column("size"),
    ]
    rows: list[tuple[Value, ...]] = []
    for row in described:
        cells: list[Any] = [row.category, *row.counts, row.masks, row.sizes or "missing"]
        rows.append(
            (*cells, "/".join(map(str, row.published or ())) if official else None)
            if official
            else tuple(cells)
        )
    if official:
        columns.append(text_column("published"))
    print_tables([Table(f"{manifest.name}", tuple(columns), tuple(rows))])
    click.echo(f"manifest {manifest.hash}")
    if manifest.name != "mvtec":
        echo(f"MVTec AD: {how_to_obtain(load_reader('mvtec'))}")
    echo(f"details of a dataset: cadbench data info {'|'.join(entry_names())}")


def _dataset_table(data_root: Path | DataRoots | None) -> Table:
    """A table with one row per dataset: whether it is found, and where."""
    from ....results.rendering.table import Table, text_column
    from ...data.opening.available import list_available
    from ...data.opening.locations import DataRoots

    roots = data_root if isinstance(data_root, DataRoots) else DataRoots(default=data_root)
    rows = [
        (each.name, each.title, each.status, str(each.root or "")) for each in list_available(roots)
    ]
    columns = ("name", "dataset", "found", "folder")
    return Table("Datasets", tuple(map(text_column, columns)), tuple(rows))
