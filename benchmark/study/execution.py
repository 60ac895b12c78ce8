"""Where and how the cells of a study are computed. Nothing here changes a score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from ...results.errors import UsageError
from ..running.callbacks import check_callbacks
from ..system.cache import cache_root
from ..system.reporting import Reporter
from .plan import Plan

if TYPE_CHECKING:
    from ..running.callbacks import Callback
    from ..running.cell import Cell
    from ..running.runner import Outcome

Engine = Literal["local", "ray"]
Device = Literal["auto", "cpu", "cuda"]
Maps = Literal["final", "all", "none"]
_CHOICES = {"engine": Engine, "device": Device, "maps": Maps}


@dataclass(frozen=True, kw_only=True)
class Execution:
    """How a study is computed: the arguments of `Study.run`, which documents them.

    Raises:
        UsageError: a value is wrong, an option has no effect, or the engine is not installed.
    """

    out: Path = Path("runs")
    jobs: int | None = None
    engine: Engine = "local"
    address: str | None = None
    cell_cpus: int | None = None
    cell_gpus: float | None = None
    device: Device = "auto"
    keep_distances: float = 0.0
    maps: Maps = "final"
    timed: bool = False
    overwrite: bool = False
    keep_state: bool = False
    callbacks: tuple[Callback, ...] = ()

    def __post_init__(self) -> None:
        for name, kind in _CHOICES.items():
            if getattr(self, name) not in get_args(kind):
                allowed = ", ".join(get_args(kind))
                raise UsageError(f"{name}: expected one of {allowed}, got {getattr(self, name)!r}")
        if self.jobs is not None and (type(self.jobs) is not int or self.jobs < 1):
            raise UsageError(f"jobs: expected a whole number from 1, got {self.jobs!r}")
        check_callbacks(self.callbacks)
        if self.engine == "local":
            for name in ("address", "cell_cpus", "cell_gpus"):
                if getattr(self, name) is not None:
                    raise UsageError(f"--{name.replace('_', '-')} needs --engine ray")
        else:
            from importlib.util import find_spec

            if find_spec("ray") is None:
                raise UsageError("--engine ray needs Ray: pip install 'cadbench[ray]'")
        gpus = self.cell_gpus
        if gpus is not None and gpus > 1 and gpus != int(gpus):
            raise UsageError(f"--cell-gpus {gpus:g}: write a fraction below 1 or a whole number")
        if self.device == "cuda":
            from ..running.devices import choose_device

            choose_device("cuda")


def execute(plan: Plan, execution: Execution, reporter: Reporter) -> list[Outcome]:
    """Compute the planned cells that have no record.

    Args:
        plan: the cells.
        execution: where and how they are computed.
        reporter: receives progress and messages.

    Returns:
        One outcome per cell, computed or reused.

    Raises:
        CellsFailed: cells failed on an engine that continues with the others.
    """
    from ..running.runner import Runner
    from ..running.shared_inputs import SharedInputs

    inputs = SharedInputs(
        manifest=plan.manifest,
        cache=cache_root(),
        device=execution.device,
        weights=plan.weights,
        reporter=reporter,
        kept_distance_bytes=int(execution.keep_distances * 2**30),
    )
    runner = Runner(
        inputs=inputs,
        out=execution.out,
        reporter=reporter,
        overwrite=execution.overwrite,
        maps=execution.maps,
        timed=execution.timed,
        keep_state=execution.keep_state,
        callbacks=execution.callbacks,
    )

    cells = list(plan.cells)
    tunings: dict[str, dict[str, Any]] = {}
    for tuning in plan.tunings:
        from .tuning import choose

        chosen, entry = choose(tuning, inputs.cache, execution.device, reporter)
        cells += chosen
        tunings |= {cell.key: entry for cell in chosen}
    runner.tunings = tunings

    def in_processes(cells: Sequence[Cell]) -> list[Outcome]:
        from ..running.engines.processes import run_in_processes

        return run_in_processes(runner, cells, execution.jobs or 1)

    def on_ray(cells: Sequence[Cell]) -> list[Outcome]:
        from ..running.engines.cluster import Resources, run_on_cluster

        gpus = execution.cell_gpus
        if gpus is None:
            gpus = 1.0 if execution.device == "cuda" else 0.0
        resources = Resources(execution.cell_cpus or 2, gpus, execution.jobs)
        return run_on_cluster(runner, cells, execution.address, resources)

    if execution.engine == "ray":
        return runner.run(cells, plan.matched, on_ray)
    parallel = (execution.jobs or 1) > 1
    return runner.run(cells, plan.matched, in_processes if parallel else None)
