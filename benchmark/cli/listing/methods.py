"""`cadbench methods`: list methods with every parameter, its default and its meaning."""

from __future__ import annotations

import click

from ....results.errors import CadbenchError
from ..shared.messages import echo


@click.command("methods")
@click.argument("names", nargs=-1, metavar="[NAME]...")
def command(names: tuple[str, ...]) -> None:
    """List all methods, or the named ones, with their parameters."""
    from ...interface.method import summary
    from ...interface.params import specs
    from ...plugins.methods import load_method, method_names

    for name in names:
        load_method(name)
    for name in names or method_names():
        try:
            method = load_method(name)
        except CadbenchError as error:
            echo(name)
            echo(f"  broken: {error}", indent=2)
            click.echo()
            continue
        echo(f"{name} (version {method.version})")
        echo(f"  {summary(method)}", indent=2)
        for spec in specs(method.Params):
            echo(f"    {spec.name} = {spec.show(spec.default)}  [{spec.accepts}]", indent=8)
            echo(f"        {spec.help}", indent=8)
        click.echo()
