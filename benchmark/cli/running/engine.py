"""The options that choose where cells are computed, and the computation itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ....results.errors import UsageError
from ...system.cache import cache_root
from ...system.reporting import Reporter
from ..shared.options import FiniteRange
from .cell_plan import CellPlan

if TYPE_CHECKING:
    from ...data.manifest import Manifest
    from ...running.cell import Cell
    from ...running.runner import Outcome

ENGINE = ("engine", "address", "jobs", "cell_cpus", "cell_gpus")
"""Names of these options. None of them changes a score."""

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


def check_engine(given: Mapping[str, Any]) -> None:
    """Raise `UsageError` for options without effect, or an engine that is not installed."""
    if given["engine"] == "local":
        for name in ("address", "cell_cpus", "cell_gpus"):
            if given[name] is not None:
                raise UsageError(f"--{name.replace('_', '-')} needs --engine ray")
    else:
        from importlib.util import find_spec

        if find_spec("ray") is None:
            raise UsageError("--engine ray needs Ray: pip install 'cadbench[ray]'")
    gpus = given["cell_gpus"]
    if gpus is not None and gpus > 1 and gpus != int(gpus):
        raise UsageError(f"--cell-gpus {gpus:g}: write a fraction below 1 or a whole number")


def compute(
    plan: CellPlan, manifest: Manifest, given: Mapping[str, Any], reporter: Reporter
) -> list[Outcome]:
    """Compute the planned cells with the chosen engine.

    Args:
        plan: the cells.
        manifest: their images.
        given: the options of `cadbench run`.
        reporter: receives progress and messages.

    Returns:
        One outcome per cell, computed or reused.

    Raises:
        CellsFailed: cells failed on an engine that continues with the others.
    """
    from ...running.runner import Runner
    from ...running.shared_inputs import SharedInputs

    inputs = SharedInputs(
        manifest=manifest,
        cache=cache_root(),
        device=given["device"],
        weights=plan.weights,
        reporter=reporter,
        search=given["neighbors"],
        kept_distance_bytes=int(given["keep_distances"] * 2**30),
    )
    runner = Runner(
        inputs=inputs,
        out=given["out"],
        reporter=reporter,
        overwrite=given["overwrite"],
        maps=given["maps"],
        timed=given["timed"],
    )

    def in_processes(cells: Sequence[Cell]) -> list[Outcome]:
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
        return runner.run(plan.cells, plan.matched, on_ray)
    parallel = (given["jobs"] or 1) > 1
    return runner.run(plan.cells, plan.matched, in_processes if parallel else None)
