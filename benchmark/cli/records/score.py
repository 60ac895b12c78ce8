"""`cadbench score`: score new images with the method of a record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ....results.counts import format_count
from ...progress.choose_reporter import choose_reporter
from ..shared.messages import echo
from ..shared.options import device_option, out_option, quiet_option, record_weights_option
from ..shared.readable_records import warn


@click.command("score")
@click.argument("run", metavar="RUN")
@click.argument(
    "images", nargs=-1, required=True, metavar="IMAGE|FOLDER...", type=click.Path(path_type=Path)
)
@click.option(
    "--category",
    default=None,
    metavar="NAME",
    help="Category of the images; needed for records of oracle routing.",
)
@click.option(
    "--to",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    metavar="FOLDER",
    help="Write scores.csv and overlays (the anomaly map over each image, PNG) to this folder, "
    "instead of printing the scores.",
)
@record_weights_option
@device_option
@quiet_option
@out_option
def command(
    run: str, images: tuple[Path, ...], to: Path | None, quiet: bool, out: Path, **given: Any
) -> None:
    """Score images with the method of a record, as it was at the end of its stream.

    RUN is a record's folder, the beginning of its key, or the name of a method that has only one
    record. It must keep the method's state: run the method with --keep-state. Folders are searched
    for images, also below. The scores are printed as CSV: file, score, and the expert with its
    categories for methods that have experts.

    \b
    cadbench run --method patchcore --keep-state
    cadbench score patchcore new/ --category screw --to overlays
    """
    from ....results.records.store import resolve_run
    from ...scoring.score import csv_text, score

    record = resolve_run(out, run, warn)
    reporter = choose_reporter(-1 if quiet else 0)
    frame = score(record, images, to=to, reporter=reporter, **given)
    if to is None:
        click.echo(csv_text(frame), nl=False)
    else:
        echo(f"scores of {format_count(len(frame), 'image')} and overlays written to {to}")
