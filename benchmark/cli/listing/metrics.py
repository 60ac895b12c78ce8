"""`cadbench metrics`: define every metric by its formula, range and sign."""

from __future__ import annotations

import click

from ....results.did_you_mean import suggestion
from ....results.errors import UsageError
from ..shared.messages import echo


@click.command("metrics")
@click.argument("names", nargs=-1, metavar="[NAME]...")
def command(names: tuple[str, ...]) -> None:
    """Define all metrics, or the named ones: formula, range, sign, published counterparts."""
    from ....results.metrics.registry import METRICS

    for name in names:
        if name not in METRICS:
            raise UsageError(
                f"unknown metric {name!r}{suggestion(name, METRICS)}; available: "
                f"{', '.join(METRICS)}"
            )
    for name in names or METRICS:
        metric = METRICS[name]
        echo(f"{name}: {metric.meaning}", indent=4)
        echo(f"    formula    {metric.formula}", indent=15)
        echo(f"    range      {metric.range}", indent=15)
        echo(f"    better     {metric.better}", indent=15)
        if metric.sign:
            echo(f"    note       {metric.sign}", indent=15)
        if metric.published:
            echo(f"    published  {metric.published}", indent=15)
