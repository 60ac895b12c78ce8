"""`cadbench methods`: list methods with every parameter, its default and its meaning."""

from __future__ import annotations

import click

from ....results.errors import CadbenchError
from ....results.sanitizing import printable


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
            click.echo(f"{name}\n  broken: {printable(str(error))}\n")
            continue
        click.echo(f"{name} (version {method.version})\n  {summary(method)}")
        for spec in specs(method.Params):
            click.echo(f"    {spec.name} = {spec.show(spec.default)}  [{spec.accepts}]")
            click.echo(f"        {spec.help}")
        click.echo()
