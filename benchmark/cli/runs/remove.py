"""`cadbench runs rm`: delete runs after a question."""

from __future__ import annotations

from pathlib import Path

import click

from ....results.errors import UsageError
from ....results.records.inventory import delete_run
from ..shared.confirmation import confirm_deletion, dry_run_option, yes_option
from ..shared.messages import echo
from ..shared.options import out_option
from .selection import find_runs, methods_option, protocol_option, select_runs


@click.command("rm")
@click.argument("refs", nargs=-1, metavar="[KEY|ROW]...")
@out_option
@methods_option
@protocol_option
@click.option(
    "--unfinished",
    is_flag=True,
    help="Delete unfinished runs too; without KEY and ROW, all of them and nothing else.",
)
@dry_run_option
@yes_option
def command(
    refs: tuple[str, ...],
    out: Path,
    methods: tuple[str, ...],
    protocol: str | None,
    unfinished: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    """Delete runs, after a list of them and a question.

    KEY is the beginning of a key or a record's folder. ROW is a method, or a method with settings
    such as mecad:experts=2. `all` means every run. Runs that another process is computing are
    skipped.
    """
    from ..shared.table_output import print_tables
    from .run_table import amount, run_label, run_tables, sorted_runs

    if not refs and not unfinished:
        raise UsageError(
            "name the runs to delete: KEY, ROW or all, or --unfinished; `cadbench runs ls` lists "
            "them"
        )
    runs = select_runs(out, methods, protocol)
    found = find_runs(refs, runs) if refs else runs
    begun = [run for run in found if run.state in ("unfinished", "leftover")]
    finished = [run for run in found if run not in begun] if refs else []
    if begun and not unfinished:
        echo(f"kept: {amount(begun, 'unfinished run')}; --unfinished deletes these too")
    selected = sorted_runs([*finished, *(begun if unfinished else [])], "name")
    if not selected:
        echo(f"nothing to delete in {out}")
        return
    print_tables(run_tables(selected))
    click.echo()
    if dry_run:
        echo(f"dry run: {amount(selected)} would be deleted")
        return
    confirm_deletion(amount(selected), yes=yes)
    deleted = []
    for run in selected:
        if delete_run(run):
            deleted.append(run)
        else:
            echo(f"kept: {run_label(run)}: another process is writing it")
    echo(f"deleted {amount(deleted)}" if deleted else "nothing was deleted")
