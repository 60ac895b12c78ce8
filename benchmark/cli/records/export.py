"""`cadbench export`: write records to a folder or archive for others."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import click

from ....results.counts import format_count
from ....results.errors import UsageError
from ....results.sanitizing import printable
from ..shared.options import out_option, parse_names
from ..shared.readable_records import warn
from ..shared.record_selection import methods_option, protocol_option, select_records


@click.command("export")
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR|FILE.zip|FILE.tar.gz",
    help="Folder or archive to create.",
)
@methods_option
@protocol_option
@click.option(
    "--no-maps",
    is_flag=True,
    help="Leave out the anomaly maps; the export is much smaller.",
)
@click.option(
    "--state",
    is_flag=True,
    help="Include the method states that `cadbench run --keep-state` kept.",
)
@click.option("--overwrite", is_flag=True, help="Replace an existing export.")
@out_option
@click.pass_context
def command(
    ctx: click.Context,
    runs: tuple[str, ...],
    to: Path,
    methods: str | None,
    protocol: str | None,
    no_maps: bool,
    state: bool,
    overwrite: bool,
    out: Path,
) -> None:
    """Write records to a folder or archive that `cadbench import` can read.

    RUN is a record's folder or its parent, the beginning of a key, a method's name, or `all`; every
    record that matches is exported. --methods and --protocol restrict the selection.

    A record that fails a check is named and left out; the exit code is then 1.

    The same records give the same bytes. A zip is not compressed; a tar.gz is smaller.
    """
    from ....results.exchange.exporting import export_records
    from ....results.records.store import resolve_runs
    from ...protocols.imported_run import check_protocol_of_run

    if not runs and methods is None and protocol is None:
        raise UsageError("say which records to export, or write `all` (see --help)")
    if to.resolve().is_relative_to(out.resolve()):
        raise UsageError(f"--to {to} is inside {out}, where it would be mistaken for records")
    left_out: list[str] = []

    def warn_left_out(line: str) -> None:
        left_out.append(line)
        warn(line)

    records = select_records(out, parse_names(methods), protocol, warn_left_out)
    if runs:
        found = [record for run in runs for record in resolve_runs(out, run, records)]
        records = list({record.path: record for record in found}.values())
    version = importlib.metadata.version("cadbench")
    count = export_records(
        records,
        to,
        version,
        check_protocol_of_run,
        maps=not no_maps,
        state=state,
        overwrite=overwrite,
        warn=None if len(records) == 1 else warn_left_out,
    )
    click.echo(
        printable(
            f"{format_count(count, 'record')} written to {to}; read with `cadbench import {to}`"
        )
    )
    if left_out:
        ctx.exit(1)
