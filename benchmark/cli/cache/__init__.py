"""`cadbench cache`: the size of the cache, and pruning."""

from __future__ import annotations

import click

from . import prune, size


@click.group("cache")
def command() -> None:
    """Show the size of the cache, and delete what was not used for long.

    The cache (CADBENCH_CACHE) holds features, coresets and whatever else several runs share.
    Everything in it is computed again when it is needed, so deleting it costs only time.
    """


command.add_command(size.command)
command.add_command(prune.command)
