"""`cadbench data`: what a data set holds, and how to get it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cache import cache_root
from benchmark.cli.options import (
    categories_option,
    data_root_option,
    dataset_option,
    names,
    quiet_option,
    skip_option,
)
from benchmark.cli.progress import choose_reporter

if TYPE_CHECKING:
    from benchmark.data.places import DataRoots


@click.group("data")
def command() -> None:
    """Look at data sets."""


@command.command("info")
@dataset_option
@data_root_option
@categories_option
@skip_option
@quiet_option
def info(
    dataset: str,
    data_root: Path | DataRoots | None,
    categories: str | None,
    skip_unreadable: bool,
    quiet: bool,
) -> None:
    """Categories, counts, manifest hash, what is missing, and how to obtain MVTec AD."""
    from benchmark.cli.tables import print_tables
    from benchmark.data.mvtec import HOW_TO_OBTAIN
    from benchmark.data.sources import describe, open_dataset
    from results.table import Column, Table, Value, text_column

    manifest = open_dataset(
        dataset,
        data_root,
        names(categories),
        skip_unreadable=skip_unreadable,
        cache=cache_root(),
        reporter=choose_reporter(-1 if quiet else 0),
    )
    described = describe(manifest)
    official = any(row.official for row in described)
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
            (*cells, "/".join(map(str, row.official or ())) if official else None)
            if official
            else tuple(cells)
        )
    if official:
        columns.append(text_column("published"))
    print_tables([Table(f"{manifest.name}", tuple(columns), tuple(rows))])
    click.echo(f"manifest {manifest.hash}")
    if manifest.name != "mvtec":
        click.echo(f"MVTec AD: {HOW_TO_OBTAIN}")
