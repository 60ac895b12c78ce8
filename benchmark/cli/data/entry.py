"""`cadbench data info NAME`: show the catalog's entry of a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ....results.counts import format_count
from ....results.rendering.table import Column, Table, text_column
from ..shared.messages import echo

if TYPE_CHECKING:
    from ...data.opening.locations import DataRoots


def show_entry(name: str, data_root: Path | DataRoots | None) -> None:
    """Print license, citation, counts and source of a dataset, and whether it is found.

    Args:
        name: the dataset's name in the catalog.
        data_root: where to look for it; None for the default folder.
    """
    from ...data.catalog import load_entry
    from ...data.opening.locations import DataRoots
    from ...data.verify import default_root, find_folder
    from ..shared.table_output import print_tables

    entry = load_entry(name)
    root = data_root.root_of(name) if isinstance(data_root, DataRoots) else data_root
    parent = root or default_root()
    folder = find_folder(entry, [parent])
    rows = [
        (category, *official.images, official.masks) for category, official in entry.counts.items()
    ]
    if rows:
        sums = [sum(column) for column in zip(*(row[1:] for row in rows), strict=True)]
        columns = (
            text_column("category"),
            *map(Column, ("train", "test good", "test defective", "masks")),
        )
        table = Table(f"{entry.title}, as published", columns, (*rows, ("all", *sums)))
        print_tables([table])
    else:
        count = format_count(len(entry.categories), "category")
        echo(f"{entry.title}: {count}, counts unknown")
        echo(f"  {', '.join(entry.categories)}", indent=2)
    echo(f"home     {entry.home}", indent=9)
    echo(f"license  {entry.license.name} ({entry.license.url}): {entry.license.allows}", indent=9)
    if entry.access == "download":
        size = f"{entry.bytes / 1e9:.2f} GB"
        echo(f"get it   cadbench data download {entry.name} ({size}). {entry.why}", indent=9)
        echo(f"by hand  {entry.by_hand}; unpack it into a folder named {entry.name}", indent=9)
    else:
        by_hand = f"by hand: {entry.by_hand}; unpack it into a folder named {entry.name}"
        echo(f"get it   {by_hand}", indent=9)
        echo(f"why      {entry.why}", indent=9)
    here = str(folder or f"not found in {parent} (--data-root, CADBENCH_DATA)")
    echo(f"here     {here}", indent=9)
    click.echo(entry.citation.bibtex())
