"""`cadbench data verify [NAME]`: read every image and compare counts with the published ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ....results.counts import format_count
from ....results.errors import DataError
from ...progress.choose_reporter import choose_reporter
from ..shared.messages import echo
from ..shared.options import quiet_option
from .download import root_option

if TYPE_CHECKING:
    from ...data.verify import Verification
    from ...system.reporting import Reporter

_MAX_LISTED = 20


@click.command("verify")
@click.argument("name", required=False)
@root_option
@quiet_option
@click.pass_context
def command(ctx: click.Context, name: str | None, root: Path | None, quiet: bool) -> None:
    """Read every image of a dataset and compare the counts with the published ones.

    Without NAME, all datasets that are found are verified, or else the folder itself if it has
    categories in MVTec AD's layout; its images are read, but there are no published counts. The
    exit code is 1 if an image cannot be read or a count differs.
    """
    reporter = choose_reporter(-1 if quiet else 0)
    failed = False
    for check in _checks(name, root):
        try:
            verified = check(reporter)
        except DataError as error:
            if name is not None:
                raise
            echo(f"error: {error}", err=True)
            failed = True  # continue with the next dataset
            continue
        _show(verified)
        failed = failed or not verified.passed
    if failed:
        ctx.exit(1)


def _checks(name: str | None, root: Path | None) -> list[Callable[[Reporter], Verification]]:
    """One function per dataset to verify."""
    from ...data.catalog import entry_names, load_entry
    from ...data.readers.folder import Folder
    from ...data.verify import default_root, find_folder, verify, verify_folder

    parent = root or default_root()
    wanted = [load_entry(each) for each in ([name] if name else entry_names())]
    found = [(entry, find_folder(entry, [parent])) for entry in wanted]
    checks: list[Callable[[Reporter], Verification]] = [
        partial(verify, entry, folder) for entry, folder in found if folder is not None
    ]
    if not checks and name is None and Folder().categories_in(parent):
        checks = [partial(verify_folder, parent)]
    if not checks:
        title = wanted[0].title if name else "dataset"
        raise DataError(
            f"no {title} in {parent}; pass its folder or the parent with --root or CADBENCH_DATA "
            f"(`cadbench data info {name or 'NAME'}` says how to get it)"
        )
    return checks


def _show(verified: Verification) -> None:
    from ....results.rendering.table import Column, Table, Value, text_column
    from ..shared.table_output import print_tables

    columns = [
        text_column("category"),
        *map(Column, ("train", "test good", "test defective", "masks")),
    ]
    if verified.official:
        columns += [text_column("published"), text_column("difference")]
    rows: list[tuple[Value, ...]] = []
    for row in verified.rows:
        cells: tuple[Value, ...] = (row.category, *row.found.images, row.found.masks)
        published = (str(row.official), row.difference or "none") if verified.official else ()
        rows.append((*cells, *published))
    print_tables([Table(f"{verified.title} in {verified.folder}", tuple(columns), tuple(rows))])
    for skipped in verified.unreadable[:_MAX_LISTED]:
        echo(f"error: cannot read {skipped.path}: {skipped.reason}", err=True)
    if len(verified.unreadable) > _MAX_LISTED:
        more = len(verified.unreadable) - _MAX_LISTED
        echo(f"error: {format_count(more, 'more file')} cannot be read", err=True)
    if verified.differing:
        names = ", ".join(row.category for row in verified.differing)
        echo(f"error: {verified.title} differs from the published counts: {names}", err=True)
    images = sum(sum(row.found.images) for row in verified.rows)
    if verified.passed:
        as_published = ", as published" if verified.official else ""
        categories = format_count(len(verified.rows), "category")
        echo(
            f"{verified.title} is complete: {categories}, {format_count(images, 'image')}, all "
            f"readable{as_published}"
        )
