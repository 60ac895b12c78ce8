"""`cadbench data download NAME`: download a dataset whose license allows it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ....results.errors import CadbenchError, UsageError
from ...progress.choose_reporter import choose_reporter
from ..shared.messages import echo
from ..shared.options import quiet_option

root_option = click.option(
    "--root",
    type=click.Path(path_type=Path),
    default=None,
    metavar="DIR",
    help="Folder of the datasets [default: CADBENCH_DATA, else ./data].",
)


@click.command("download")
@click.argument("name")
@root_option
@click.option("--accept-license", is_flag=True, help="Accept the license without a prompt.")
@quiet_option
def command(name: str, root: Path | None, accept_license: bool, quiet: bool) -> None:
    """Download a dataset after you accept its license.

    The folder DIR/NAME appears when the dataset is complete: downloaded, verified by SHA-256,
    unpacked and counted. Until then all files are in DIR/NAME.partial; run the same command again
    to resume an interrupted download. An existing dataset is left unchanged.
    """
    from ...data.catalog import load_entry
    from ...data.download.download import (
        download,
        find_complete,
        partial_folder,
        require_downloadable,
    )
    from ...data.verify import default_root

    entry = load_entry(name)
    require_downloadable(entry)
    root = root or default_root()
    existing = find_complete(entry, root)
    if existing is not None:
        echo(f"{entry.title} already exists: {existing}")
        return
    license = entry.license
    if not accept_license and not sys.stdin.isatty():
        raise UsageError(
            f"the license of {entry.title} is {license.name} ({license.allows}): read "
            f"{license.url} and accept it with --accept-license"
        )
    echo(f"{entry.title}, {entry.home}")
    echo(f"license: {license.name} ({license.url}): {license.allows}")
    echo(f"size: {entry.bytes / 1e9:.2f} GB to download; about as much again when unpacked")
    echo(f"to: {root / entry.name} (until complete: {partial_folder(entry, root)})")
    if not accept_license and not click.confirm(
        "Do you accept the license and start the download?"
    ):
        raise CadbenchError("the license was not accepted; nothing was downloaded")
    folder = download(entry, root, choose_reporter(-1 if quiet else 0))
    echo(f"{entry.title} is complete: {folder}")
    click.echo(f"please cite: {entry.citation.bibtex()}")
