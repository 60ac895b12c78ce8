"""The options that say where cells are computed, and computing them there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ....results.errors import UsageError
from ...system.cache import cache_root
from ...system.reporting import Reporter
from ..shared.options import FiniteRange
from .cells import Planned

if TYPE_CHECKING:
    from ...data.manifest import Manifest
    from ...running.cell import Cell
    from ...running.runner import Outcome

ENGINE = ("engine", "address", "jobs", "cell_cpus", "cell_gpus")
"""The names of these options: none of them changes a score."""

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
        help="The Ray cluster [default: RAY_ADDRESS, or one that is started here].",
    ),
    click.option(
        "--jobs",
        type=click.IntRange(min=1),
        default=None,
        help="Cells computed at once [default: 1; with ray all that fit].",
    ),
    click.option(
        "--cell-cpus",
        type=click.IntRange(min=1),
        default=None,
        help="With ray: cores for a cell [default: 2].",
    ),
    click.option(
        "--cell-gpus",
        type=FiniteRange(min=0),
        default=None,
        help="With ray: GPUs for a cell, such as 0.25 [default: 1 with --device cuda, else 0].",
    ),
)


def engine_options(command: Command) -> Command:
    """Add the options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def check_engine(given: Mapping[str, Any]) -> None:
    """Refuse combinations that mean nothing, and an engine that is not installed."""
    if given["engine"] == "local":
        for name in ("address", "cell_cpus", "cell_gpus"):
            if given[name] is not None:
                raise UsageError(f"--{name.replace('_', '-')} is for --engine ray; add it")
    else:
        from importlib.util import find_spec

        if find_spec("ray") is None:
            raise UsageError("--engine ray needs Ray: pip install 'cadbench[ray]'")
    gpus = given["cell_gpus"]
    if gpus is not None and gpus > 1 and gpus != int(gpus):
        raise UsageError(f"--cell-gpus {gpus:g}: a part of one GPU, or a whole number of them")


def compute(
    planned: Planned, manifest: Manifest, given: Mapping[str, Any], reporter: Reporter
) -> list[Outcome]:
    """The records of the planned cells; `given` are the options of `cadbench run`.

    Raises `CellsFailed` where an engine goes on after a failure.
    """
    from ...running.runner import Runner

    runner = Runner(
        manifest=manifest,
        out=given["out"],
        cache=cache_root(),
        device=given["device"],
        weights=planned.weights,
        reporter=reporter,
        overwrite=given["overwrite"],
        maps=given["maps"],
        search=given["neighbors"],
        keep_distances=int(given["keep_distances"] * 2**30),
        timed=given["timed"],
    )

    def here(cells: Sequence[Cell]) -> list[Outcome]:
        from ...running.engines.processes import run_in_processes

        return run_in_processes(runner, cells, given["jobs"])

    def on_ray(cells: Sequence[Cell]) -> list[Outcome]:
        from ...running.engines.cluster import Cluster, Resources

        gpus = given["cell_gpus"]
        if gpus is None:
            gpus = 1.0 if given["device"] == "cuda" else 0.0
        resources = Resources(given["cell_cpus"] or 2, gpus, given["jobs"])
        return Cluster(given["address"], resources).run(runner, cells)

    if given["engine"] == "ray":
        return runner.run(planned.cells, planned.matched, on_ray)
    return runner.run(planned.cells, planned.matched, here if (given["jobs"] or 1) > 1 else None)
