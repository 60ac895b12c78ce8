"""What `--dry-run` prints: cells with their state and an estimate, or JSON for `--cells`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from ....results.counts import format_count
from ....results.errors import UsageError
from ....results.sanitizing import printable
from ..shared.messages import echo

if TYPE_CHECKING:
    from ...study.estimate import Estimate
    from ...study.plan import Plan


def print_plan(plan: Plan, estimated: Estimate, output: str) -> None:
    """Print the cells of a plan.

    Args:
        plan: the plan.
        estimated: what is left to do.
        output: `text`, or `json` for a file that `--cells` reads.
    """
    if output == "json":
        if plan.matched:
            raise UsageError(
                "--match-memory: the parameters of its cells depend on results, so they cannot be "
                "written with --format json"
            )
        if plan.tunings:
            raise UsageError(
                "--tune: its cells depend on trials, so they cannot be written with --format json; "
                "run the trials, and give the chosen values with --set"
            )
        click.echo(json.dumps([cell.as_dict() for cell in plan.cells], indent=1))
        return
    for state, cells in (
        ("done", estimated.done),
        ("begun", estimated.begun),
        ("missing", estimated.missing),
    ):
        for cell in cells:
            click.echo(f"{cell.key[:8]}  {state:<7}  {printable(cell.label())}")
    for tuning in plan.tunings:
        method, tried = tuning.cells[0].method, len(tuning.candidates)
        names = ", ".join(f"{method}.{name}" for name in tuning.candidates[0].values)
        trials = sum(len(each.trials) for each in tuning.candidates)
        echo(
            f"{names}: chosen from {format_count(tried, 'combination')} by "
            f"{format_count(trials, 'trial')} on training images of {tuning.on}; the listed cells "
            "have the first"
        )
    for line in describe(estimated):
        echo(line)


def describe(estimated: Estimate) -> list[str]:
    """Sum up an estimate in a few lines, the number of cells last."""
    lines = []
    if estimated.unknown:
        names = ", ".join(estimated.unknown)
        lines.append(f"time unknown: nothing was measured with {names}")
    parts = [len(estimated.done), len(estimated.begun), len(estimated.missing)]
    if estimated.begun or estimated.missing:
        left = []
        if estimated.images:
            left.append(f"features of {format_count(estimated.images, 'image')}")
        if estimated.seconds is not None:
            left.append(f"about {_duration(estimated.seconds)}")
        left.append(f"about {estimated.disk_bytes / 1e6:,.0f} MB on disk")
        lines.append(f"left: {', '.join(left)}")
    counts = "{} done, {} begun, {} missing".format(*parts)
    return [*lines, f"{format_count(sum(parts), 'cell')}: {counts}"]


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} h"
