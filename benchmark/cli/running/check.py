"""`cadbench check`: run the conformance checks on one method."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ....results.errors import UsageError
from ....results.sanitizing import printable


@click.command("check")
@click.argument("name", metavar="NAME|MODULE:CLASS")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="METHOD.PARAM=VALUE",
    help="Check the method with this value of a parameter.",
)
@click.option(
    "--only", multiple=True, metavar="CHECK", help="Run only this check; can be repeated."
)
@click.option(
    "--device",
    type=click.Choice(["cpu", "cuda"]),
    default="cpu",
    show_default=True,
    help="Device to compute on.",
)
@click.option(
    "--publish",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    metavar="FOLDER",
    help="Write the outcome into the board in this folder; `cadbench leaderboard --publish FOLDER` "
    "shows it.",
)
@click.option("-v", "--verbose", is_flag=True, help="Show what the method prints.")
@click.pass_context
def command(
    context: click.Context,
    name: str,
    settings: tuple[str, ...],
    only: tuple[str, ...],
    device: str,
    publish: Path | None,
    verbose: bool,
) -> None:
    """Check that a method follows the rules, on synthetic features.

    The checks cover determinism, saved state, reported memory, routing, parameters and more;
    docs/plugins.md describes each one. The exit code is 1 if a check fails.
    """
    from ...plugins.methods import load_method
    from .settings import parse_settings

    if publish is not None and (only or settings):
        raise UsageError(
            "--publish needs all checks with default parameters; remove --only and --set"
        )
    method = load_method(name)
    params = _single_values(name, parse_settings([name], settings, None).get(name, {}))

    from ....results.rendering.table import Table, text_column
    from ...conformance.mock_stream import mock_stream
    from ...conformance.report import check_method
    from ...running.devices import choose_device
    from ..shared.table_output import print_tables

    stream = mock_stream(device=choose_device(device).type)
    report = check_method(
        method, only=only or None, stream=stream, name=name, on_start=_announce, **params
    )
    rows = tuple((r.check, r.outcome, r.reason or r.shows) for r in report.results)
    counts = {
        outcome: sum(result.outcome == outcome for result in report.results)
        for outcome in ("passed", "failed", "skipped")
    }
    totals = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    columns = tuple(map(text_column, ("check", "result", "what it shows, or why not")))
    print_tables([Table(f"{name} (version {method.version}): {totals}", columns, rows)])
    for result in report.results:
        if result.printed and (verbose or result.outcome == "failed"):
            lines = result.printed.splitlines() if verbose else result.last_lines()
            click.echo("\n".join([f"printed during {result.check}:", *map(printable, lines)]))
    if publish is not None:
        from importlib.metadata import version

        from ....results.leaderboard.badges import Checked, write_checked

        outcomes = {result.check: result.outcome for result in report.results}
        file = write_checked(Checked(name, method.version, version("cadbench"), outcomes), publish)
        click.echo(printable(f"outcome written to {file}"), err=True)
    if not report.passed:
        context.exit(1)


def _announce(check: str) -> None:
    click.echo(f"checking {check}", err=True)


def _single_values(name: str, sweep: dict[str, list[Any]]) -> dict[str, Any]:
    for parameter, values in sweep.items():
        if len(values) != 1:
            raise UsageError(f"--set {name}.{parameter}: give a single value")
    return {parameter: values[0] for parameter, values in sweep.items()}
