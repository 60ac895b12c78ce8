"""The options that choose where cells are computed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ..shared.options import FiniteRange

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--engine",
        type=click.Choice(["local", "ray"]),
        default="local",
        show_default=True,
        help="Compute cells on this machine, or on a Ray cluster (docs/scale.md).",
    ),
    click.option(
        "--address",
        default=None,
        metavar="HOST:PORT",
        help="Address of the Ray cluster [default: RAY_ADDRESS, else start Ray on this machine].",
    ),
    click.option(
        "--jobs",
        type=click.IntRange(min=1),
        default=None,
        help="Number of cells computed in parallel [default: 1; with ray, as many as fit].",
    ),
    click.option(
        "--cell-cpus",
        type=click.IntRange(min=1),
        default=None,
        help="With ray: cores per cell [default: 2].",
    ),
    click.option(
        "--cell-gpus",
        type=FiniteRange(min=0),
        default=None,
        help="With ray: GPUs per cell, such as 0.25 [default: 1 with --device cuda, else 0].",
    ),
)


def engine_options(command: Command) -> Command:
    """Decorator that adds the engine options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
