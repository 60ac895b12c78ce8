"""`cadbench data verify [NAME]`: read every image and compare counts with the published ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ....results.counts import format_count
from ....results.errors import DataError, UsageError
from ...progress.choose_reporter import choose_reporter
from ..shared.messages import echo
from ..shared.options import data_root_option, quiet_option
from .download import root_option

if TYPE_CHECKING:
    from ....results.rendering.table import Table
    from ...data.images.preprocessing import Mode
    from ...data.opening.locations import DataRoots
    from ...data.verify import Verification
    from ...pixels.survey import CategorySurvey
    from ...system.reporting import Reporter

IMAGE_SIZE = 224
"""The default size of `cadbench run`."""
_MAX_LISTED = 20


@click.command("verify")
@click.argument("name", required=False)
@root_option
@data_root_option
@click.option(
    "--resize",
    type=click.Choice(["crop", "pad", "squash"]),
    default="crop",
    show_default=True,
    help="How images become squares, to count what is cut off.",
)
@quiet_option
@click.pass_context
def command(
    ctx: click.Context,
    name: str | None,
    root: Path | None,
    data_root: Path | DataRoots | None,
    resize: Mode,
    quiet: bool,
) -> None:
    """Read every image of a dataset and compare the counts with the published ones.

    Without NAME, all datasets that are found are verified, or else the folder itself if it has
    categories in MVTec AD's layout or a cadbench-data.toml; its images are read, but there are no
    published counts. Warnings say what is odd about the files. The exit code is 1 if an image
    cannot be read or a count differs.
    """
    from ...data.opening.locations import DataRoots

    if root is not None and data_root is not None:
        raise UsageError("--root and --data-root exclude each other; give one of them")
    roots = data_root if isinstance(data_root, DataRoots) else DataRoots(default=data_root or root)
    reporter = choose_reporter(-1 if quiet else 0)
    failed = False
    for check in _checks(name, roots):
        try:
            verified = check(reporter)
        except DataError as error:
            if name is not None:
                raise
            echo(f"error: {error}", err=True)
            failed = True  # continue with the next dataset
            continue
        _show(verified, resize, reporter)
        failed = failed or not verified.passed
    if failed:
        ctx.exit(1)


def _checks(name: str | None, roots: DataRoots) -> list[Callable[[Reporter], Verification]]:
    """One function per dataset to verify."""
    from ...data.catalog import entry_names, load_entry
    from ...data.readers.described_layout import description_at
    from ...data.readers.folder import Folder
    from ...data.verify import default_root, find_folder, verify, verify_folder

    parent = roots.default or default_root()
    wanted = [load_entry(each) for each in ([name] if name else entry_names())]
    found = [(entry, find_folder(entry, [roots.root_of(entry.name) or parent])) for entry in wanted]
    checks: list[Callable[[Reporter], Verification]] = [
        partial(verify, entry, folder) for entry, folder in found if folder is not None
    ]
    catalog = set(entry_names())
    own = [folder for each, folder in roots.named if each not in catalog and name is None]
    checks += [partial(verify_folder, folder) for folder in own]
    described = description_at(parent) is not None
    if name is None and (described or (not checks and Folder().categories_in(parent))):
        checks = [partial(verify_folder, parent)]
    if not checks:
        title = wanted[0].title if name else "dataset"
        raise DataError(
            f"no {title} in {parent}; pass its folder or the parent with --data-root or "
            f"CADBENCH_DATA (`cadbench data info {name or 'NAME'}` says how to get it)"
        )
    return checks


def _show(verified: Verification, resize: Mode, reporter: Reporter) -> None:
    from ....results.rendering.table import Column, Table, Value, text_column
    from ...data.images.preprocessing import Preprocessing
    from ...data.notes.manifest_notes import note_lines
    from ...pixels.survey import survey
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
    size = Preprocessing.for_image_size(IMAGE_SIZE, resize)
    surveyed = list(survey(verified.manifest, size, reporter))
    print_tables(
        [
            Table(f"{verified.title} in {verified.folder}", tuple(columns), tuple(rows)),
            _survey_table(surveyed, resize),
        ]
    )
    notes = [note for note in verified.manifest.notes if note.kind != "unreadable"]
    for line in note_lines(notes):
        echo(f"warning: {line}", err=True)
    hidden = sum(each.hidden for each in surveyed)
    if hidden:
        echo(
            f"warning: {format_count(hidden, 'defective image')} "
            f"{'shows' if hidden == 1 else 'show'} no defect after --resize {resize}",
            err=True,
        )
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
        read = f"{format_count(len(verified.rows), 'category')}, {format_count(images, 'image')}"
        if notes or hidden:
            echo(f"{verified.title}: {read} read{as_published}; see the warnings")
        else:
            echo(f"{verified.title} is complete: {read}, all readable{as_published}")


def _survey_table(surveyed: Sequence[CategorySurvey], resize: str) -> Table:
    from ....results.rendering.table import Column, Table, Value, text_column

    columns = (
        text_column("category"),
        Column("not read"),
        text_column("bits"),
        Column("turned"),
        Column("masks"),
        Column("empty"),
        Column("odd"),
        Column("mask % min", digits=2),
        Column("mask % max", digits=2),
        Column("cut off %", digits=1),
        Column("defect regions"),
        Column("lost"),
        Column("images without"),
    )
    rows: list[tuple[Value, ...]] = [
        (
            each.category,
            *(each.not_read, each.depth, each.turned, each.masks, each.empty, each.odd),
            *(100 * area for area in each.areas or (math.nan, math.nan)),
            *(100 * each.cut_off, each.regions, each.lost, each.hidden),
        )
        for each in surveyed
    ]
    notes = (
        "turned: images with an EXIF orientation; empty, odd: masks that are empty, or have more "
        "than two values or are in the alpha channel or palette",
        f"cut off, lost, images without: what --resize {resize} at {IMAGE_SIZE} pixels loses of "
        "images and defect regions, and images that show no defect after it",
    )
    return Table("Files and masks", columns, tuple(rows), notes)
