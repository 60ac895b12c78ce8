"""`cadbench export`: records for somebody else."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import click

from ....results.errors import UsageError
from ....results.sanitizing import printable
from ..shared.options import out_option, parse_names
from ..shared.record_selection import methods_option, protocol_option, select_records


@click.command("export")
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR|FILE.zip|FILE.tar.gz",
    help="A new folder or archive.",
)
@methods_option
@protocol_option
@click.option("--no-maps", is_flag=True, help="Leave the anomaly maps out: much smaller.")
@click.option("--overwrite", is_flag=True, help="Replace an earlier export of that name.")
@out_option
def command(
    runs: tuple[str, ...],
    to: Path,
    methods: str | None,
    protocol: str | None,
    no_maps: bool,
    overwrite: bool,
    out: Path,
) -> None:
    """Write records to a folder or archive that `cadbench import` takes.

    RUN is a record's folder or one above, the beginning of a key, a method's name, or `all`; it
    means every record that fits. --methods and --protocol choose among them, or among all.

    The same records give the same bytes. A zip is not compressed further; a tar.gz is smaller.
    """
    from ....results.exchange.exporting import export_records
    from ....results.records.store import resolve_runs
    from ...protocols.imported_run import check_run

    if not runs and methods is None and protocol is None:
        raise UsageError("name the records to export, or write `all` (see --help)")
    if to.resolve().is_relative_to(out.resolve()):
        raise UsageError(f"--to {to} lies in {out}, where it would be taken for more records")
    records = select_records(out, parse_names(methods), protocol)
    if runs:
        found = [record for run in runs for record in resolve_runs(out, run, records)]
        records = list({record.path: record for record in found}.values())
    version = importlib.metadata.version("cadbench")
    count = export_records(records, to, version, check_run, maps=not no_maps, overwrite=overwrite)
    click.echo(printable(f"{count} record(s) in {to}; `cadbench import {to}` takes them elsewhere"))
