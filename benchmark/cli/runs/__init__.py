"""`cadbench runs`: list, show and delete runs."""

from __future__ import annotations

import click

from ..records import show
from . import disk_use, listing, remove


@click.group("runs")
def command() -> None:
    """List, show and delete runs, finished and unfinished.

    \b
    cadbench runs ls --method mecad
    cadbench runs show 0a1b2c3d
    cadbench runs rm mecad:experts=2 --protocol synthetic-1x15
    cadbench runs rm --unfinished
    """


command.add_command(listing.command)
command.add_command(show.command)
command.add_command(remove.command)
command.add_command(disk_use.command)
