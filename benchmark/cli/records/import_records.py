"""`cadbench import`: records of somebody else."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from ....results.errors import CadbenchError, UsageError
from ....results.sanitizing import printable
from ..shared.options import out_option

_SAID = {"new": "imported", "there": "there already", "replaced": "replaced"}


@click.command("import")
@click.argument("sources", nargs=-1, required=True, metavar="DIR|FILE...",
                type=click.Path(path_type=Path))  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace records of the same cell that differ.")
@out_option
@click.pass_context
def command(ctx: click.Context, sources: tuple[Path, ...], overwrite: bool, out: Path) -> None:
    """Bring exported records into the folder of the run records.

    A folder, .zip or .tar.gz of `cadbench export`. Keys, checksums and tables are checked, image
    and continual metrics computed again from the scores and compared. Pixel metrics of single
    categories need the masks and are not checked, nor are seconds and memory.

    An export that could do harm or is not whole is refused as a whole: nothing of it is imported. A
    record that fails a check by itself is named and left out, and the others are imported. Either
    way the exit code is 1. A record that is there already is left alone; one that differs is
    refused without --overwrite.
    """
    from ....results.exchange.importing import import_records
    from ....results.exchange.members import archive_kind
    from ....results.exchange.verification import has_pixel_metrics
    from ...protocols.imported_run import check_run

    for source in sources:
        if not (source.is_dir() if archive_kind(source) == "folder" else source.is_file()):
            raise UsageError(f"{source}: no such {_kind(source)}; `cadbench export` makes one")
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is not a folder")
    failed = False
    states: Counter[str] = Counter()
    pixels = 0
    for source in sources:
        begun = False
        try:
            for one in import_records(source, out, check_run, overwrite=overwrite):
                begun = True
                if one.record is None:
                    failed = True
                    _complain(f"{source}: {one.name} is left out: {one.reason}")
                    continue
                states[one.state] += 1
                pixels += one.state != "there" and has_pixel_metrics(one.record)
        except CadbenchError as error:
            failed = True
            _complain(f"{source}: {error}; nothing{' more' * begun} of it is imported")
    if states:
        counts = ", ".join(
            f"{states[state]} {said}" for state, said in _SAID.items() if states[state]
        )
        click.echo(f"{counts} in {printable(str(out))}")
    if pixels:
        click.echo(f"pixel metrics of {pixels} record(s) were not checked: they need the masks")
    if failed:
        ctx.exit(1)


def _kind(source: Path) -> str:
    from ....results.exchange.members import archive_kind

    return "folder" if archive_kind(source) == "folder" else "file"


def _complain(line: str) -> None:
    click.echo(f"error: {printable(line)}", err=True)
