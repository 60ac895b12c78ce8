"""`cadbench import`: check and add records that others exported."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from ....results.counts import format_count
from ....results.errors import CadbenchError, UsageError
from ..shared.messages import echo
from ..shared.options import out_option

_STATES = {"new": "imported", "there": "already present", "replaced": "replaced"}


@click.command("import")
@click.argument("sources", nargs=-1, required=True, metavar="DIR|FILE...",
                type=click.Path(path_type=Path))  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace records of the same cell that differ.")
@out_option
@click.pass_context
def command(ctx: click.Context, sources: tuple[Path, ...], overwrite: bool, out: Path) -> None:
    """Add exported records to the folder of records.

    The sources are folders, .zip or .tar.gz files written by `cadbench export`. Keys, checksums and
    tables are checked; image and continual metrics are computed again from the scores and compared.
    Pixel metrics of single categories are not checked, because they need the masks; neither are
    seconds and memory.

    An export that is unsafe or incomplete is rejected, and nothing of it is imported. A record that
    fails a check is named and left out; the others are imported. Both give exit code 1. Existing
    records are kept; one that differs is an error without --overwrite.
    """
    from ....results.exchange.archives import archive_kind
    from ....results.exchange.importing import import_records
    from ....results.exchange.verification import has_pixel_metrics
    from ...protocols.imported_run import check_protocol_of_run

    for source in sources:
        if not (source.is_dir() if archive_kind(source) == "folder" else source.is_file()):
            raise UsageError(f"{source}: no such {_kind(source)}; `cadbench export` writes one")
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is not a folder")
    failed = False
    states: Counter[str] = Counter()
    pixels = 0
    for source in sources:
        started = False
        try:
            for one in import_records(source, out, check_protocol_of_run, overwrite=overwrite):
                started = True
                if one.record is None:
                    failed = True
                    _print_error(f"{source}: {one.name} is left out: {one.reason}")
                    continue
                states[one.state] += 1
                pixels += one.state != "there" and has_pixel_metrics(one.record)
        except CadbenchError as error:
            failed = True
            _print_error(f"{source}: {error}; nothing{' more' * started} was imported from it")
    if states:
        counts = ", ".join(
            f"{states[state]} {text}" for state, text in _STATES.items() if states[state]
        )
        echo(f"{counts} in {out}")
    if pixels:
        unchecked = format_count(pixels, "record")
        echo(f"pixel metrics of {unchecked} were not checked: they need the masks")
    if failed:
        ctx.exit(1)


def _kind(source: Path) -> str:
    from ....results.exchange.archives import archive_kind

    return "folder" if archive_kind(source) == "folder" else "file"


def _print_error(line: str) -> None:
    echo(f"error: {line}", err=True)
