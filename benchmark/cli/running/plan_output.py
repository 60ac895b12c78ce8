"""What `cadbench run --dry-run` prints: one line per cell, or JSON for `--cells`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from ....results.errors import UsageError
from ....results.sanitizing import printable
from ..shared.counts import format_count

if TYPE_CHECKING:
    from ...study.plan import Plan


def print_plan(plan: Plan, output: str) -> None:
    """Print the cells of a plan.

    Args:
        plan: the plan.
        output: `text`, or `json` for a file that `--cells` reads.
    """
    if output == "json":
        if plan.matched:
            raise UsageError(
                "--match-memory: the parameters of its cells depend on results, so they cannot be "
                "written with --format json"
            )
        click.echo(json.dumps([cell.as_dict() for cell in plan.cells], indent=1))
        return
    for cell in plan.cells:
        click.echo(f"{cell.key[:8]}  {printable(cell.label())}")
    for pair in plan.matched:
        click.echo(f"{'':8}  {pair.cell.method}, with the memory of {pair.reference.label()}")
    click.echo(format_count(len(plan.cells) + len(plan.matched), "cell"))
