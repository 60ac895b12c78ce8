"""`cadbench new-method`: create a package for a new method."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Literal

import click


@click.command("new-method")
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice(["bank", "trained"]),
    default="bank",
    show_default=True,
    help="A memory bank of patch embeddings, or a network that is trained on images.",
)
def command(name: str, kind: Literal["bank", "trained"]) -> None:
    """Create a small installable package with a working method, a test and a README.

    \b
    cadbench new-method my-method
    pip install -e my-method
    cadbench check my-method
    """
    from ...plugins.scaffold import write_method

    folder = shlex.quote(write_method(name, Path(), kind).as_posix())
    click.echo(f"wrote {folder}; next:")
    click.echo(f"  pip install -e {folder}")
    click.echo(f"  cadbench check {name}")
    click.echo(f"  cadbench run --method {name}")
