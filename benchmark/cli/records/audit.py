"""`cadbench audit`: compute a random part of a record again, and compare."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ....results.records.record import RUN_FILE
from ...progress.choose_reporter import choose_reporter
from ..shared.messages import echo
from ..shared.options import device_option, out_option, quiet_option, record_weights_option
from ..shared.readable_records import warn
from ..shared.record_selection import format_option
from ..shared.table_output import print_tables


@click.command("audit")
@click.argument("run", metavar="RECORD")
@click.option(
    "--share",
    type=float,
    default=0.1,
    show_default=True,
    metavar="S",
    help="Share of the test images of each category that are scored again (at least 4).",
)
@click.option(
    "--experiences",
    type=int,
    default=None,
    metavar="N",
    help="Train and score the first N experiences only, for long streams [default: all].",
)
@click.option(
    "--seed", type=int, default=0, show_default=True, metavar="N", help="Seed of the choice."
)
@click.option(
    "--tolerance",
    type=float,
    default=0.01,
    show_default=True,
    metavar="T",
    help="Allowed difference of two scores, as a share of the range of the category's scores.",
)
@click.option(
    "--data-root",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FOLDER",
    help="Folder of the dataset, as for `cadbench run`.",
)
@record_weights_option
@device_option
@format_option
@quiet_option
@out_option
@click.pass_context
def command(
    context: click.Context, run: str, output: str, quiet: bool, out: Path, **given: Any
) -> None:
    """Compute a random part of a record again from the data, and compare.

    RECORD is a record's folder, the beginning of its key, or the name of a method that has only one
    record; imported records are audited in the same way. Every metric is computed again from the
    stored scores, images and labels are compared with the dataset, and the method is trained again
    and scores a random share of the test images. The record is not changed.

    The exit code is 0 if all agree, 1 if something differs, and 2 if the scores cannot be audited,
    for example because the dataset or the method is missing.

    \b
    cadbench audit 0a1b2c3d --data-root /data/mvtec
    cadbench audit 0a1b2c3d --share 1 --experiences 3
    """
    from ....results.records.store import resolve_run
    from ...auditing.audit import audit

    folder = Path(run).parent if Path(run).name == RUN_FILE else Path(run)
    found = audit(
        folder if (folder / RUN_FILE).is_file() else resolve_run(out, run, warn),
        reporter=choose_reporter(-1 if quiet else 0),
        **given,
    )
    print_tables([found.table], output)
    echo(found.verdict, err=output not in ("auto", "markdown"))
    context.exit({True: 0, False: 1, None: 2}[found.agreed])
