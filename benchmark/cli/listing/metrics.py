"""`cadbench metrics`: define every metric by its formula, range and sign."""

from __future__ import annotations

import click

from ....results.did_you_mean import suggestion
from ....results.errors import UsageError


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
        click.echo(f"{name}: {metric.meaning}")
        click.echo(f"    formula    {metric.formula}")
        click.echo(f"    range      {metric.range}")
        click.echo(f"    better     {metric.better}")
        if metric.sign:
            click.echo(f"    note       {metric.sign}")
        if metric.published:
            click.echo(f"    published  {metric.published}")
