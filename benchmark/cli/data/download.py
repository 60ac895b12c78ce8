"""`cadbench data download NAME`: a dataset whose terms allow it, once its license is accepted."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ....results.errors import CadbenchError, UsageError
from ....results.sanitizing import printable
from ..shared.options import quiet_option
from ..shared.progress import choose_reporter

root_option = click.option(
    "--root",
    type=click.Path(path_type=Path),
    default=None,
    metavar="DIR",
    help="Folder that holds the datasets (or CADBENCH_DATA, or ./data).",
)


@click.command("download")
@click.argument("name")
@root_option
@click.option("--accept-license", is_flag=True, help="Accept the license without being asked.")
@quiet_option
def command(name: str, root: Path | None, accept_license: bool, quiet: bool) -> None:
    """Download a dataset, after you have accepted its license.

    Its folder is DIR/NAME, and appears when all of it is there: downloaded, of the right SHA-256,
    unpacked and counted. Until then everything is in DIR/NAME.partial, and the same command goes on
    with what an earlier one left there. A dataset that is there already is left alone.
    """
    from ...data.catalog import load_entry
    from ...data.download.download import download, partial_of, present, refuse_by_hand
    from ...data.verify import default_root

    entry = load_entry(name)
    refuse_by_hand(entry)
    root = root or default_root()
    there = present(entry, root)
    if there is not None:
        click.echo(printable(f"{entry.title} is there already: {there}"))
        return
    license = entry.license
    if not accept_license and not sys.stdin.isatty():
        raise UsageError(
            f"{entry.title} comes under {license.name} ({license.allows}): read {license.url} and "
            "accept it with --accept-license"
        )
    click.echo(f"{entry.title}, {entry.home}")
    click.echo(f"license: {license.name} ({license.url}): {license.allows}")
    click.echo(f"size: {entry.bytes / 1e9:.2f} GB to download; about as much again once unpacked")
    click.echo(printable(f"to: {root / entry.name} (until it is whole: {partial_of(entry, root)})"))
    if not accept_license and not click.confirm("Do you accept the license, and download it?"):
        raise CadbenchError("the license was not accepted; nothing was downloaded")
    folder = download(entry, root, choose_reporter(-1 if quiet else 0))
    click.echo(printable(f"{entry.title} is whole: {folder}"))
    click.echo(f"please cite: {entry.citation.bibtex()}")
