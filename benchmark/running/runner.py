"""Runs cells one after another: reuses what is done, resumes what was begun, records the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ...results.analysis.quantities import Reading, quantity
from ...results.errors import RecordError, UsageError
from ...results.records.record import RUN_FILE, Record, load_record
from ...results.records.store import partial_dir, publish, record_dir
from ...results.rendering.markdown import display
from ...results.storage.locks import record_lock
from ..data.drift.domains import Domain
from ..data.drift.manifest import under_domains
from ..data.manifest import Manifest
from ..features.feature_set import FeatureSet
from ..features.weights import Weights
from ..pixels.maps import MapSpec
from ..streams.stream import Stream
from ..system.reporting import Reporter
from ..system.torch_import import import_torch
from .cell import Cell, Material
from .evaluator import Maps, Services, evaluate
from .prefetch import Ahead
from .study import Matched

if TYPE_CHECKING:
    import torch

    from ..pixels.meter import PixelMeter

CHECKPOINT = "checkpoint"
CHECKPOINT_SECONDS = 1.0
"""Work that a kill may cost; writing the state after every experience would cost more."""


@dataclass(frozen=True)
class Outcome:
    """A cell's record, and whether it was there already."""

    cell: Cell
    record: Record
    reused: bool


@dataclass
class Runner:
    """What the cells of a run share. Nothing heavy is imported or read before it is needed.

    keep_distances: bytes of neighbor distances that stay in the cache folder for later runs.
    """

    manifest: Manifest
    out: Path
    cache: Path
    device: str
    weights: Weights
    reporter: Reporter
    overwrite: bool = False
    maps: Maps = "final"
    search: str = "torch"
    keep_distances: int = 0
    timed: bool = False
    _several: bool = field(default=False, repr=False)
    _features: dict[Material, FeatureSet] = field(default_factory=dict, repr=False)
    _services: dict[str, Services] = field(default_factory=dict, repr=False)
    _meters: dict[tuple[str, MapSpec, int], PixelMeter] = field(default_factory=dict, repr=False)
    _drifted: dict[tuple[Domain, ...], Manifest] = field(default_factory=dict, repr=False)

    def run(
        self,
        cells: Sequence[Cell],
        matched: Sequence[Matched] = (),
        compute: Callable[[Sequence[Cell]], list[Outcome]] | None = None,
    ) -> list[Outcome]:
        """The record of every cell; matched cells follow once their references are known.

        compute: how cells are computed elsewhere; None computes them here, one by one.
        """
        compute = compute or self._run_all
        for cell in (*cells, *(pair.cell for pair in matched)):
            if cell.manifest != self.manifest.hash:
                raise UsageError(
                    f"cell {cell.key[:8]} was made for other images (manifest "
                    f"{cell.manifest[:8]}, this dataset has {self.manifest.hash[:8]})"
                )
        outcomes = compute(cells)
        if matched:
            stored = {done.cell.key: stored_vectors(done.record) for done in outcomes}
            resolved = {pair.resolve(stored[pair.reference.key]): None for pair in matched}
            outcomes += compute(list(resolved))
        return outcomes

    def recorded(self, cell: Cell) -> Outcome | None:
        """The outcome of a cell that needs no computing."""
        found = self._existing(record_dir(self.out, cell.as_dict()), cell)
        return self._reused(cell, found) if found else None

    def extract(self, cell: Cell, columns: Sequence[str]) -> FeatureSet:
        """The features that a cell reads, extracted where they are missing for these columns."""
        import torch

        device = torch.device(choose_device(self.device))
        features = FeatureSet(self.images(cell), cell.features, device, self.cache)
        pixels = cell.method_class.uses_images
        features.ensure(columns, self.weights, self.reporter, pixels=pixels)
        return features

    def _run_all(self, cells: Sequence[Cell]) -> list[Outcome]:
        """Cells that another process is busy with are put off to the end, then waited for."""
        self._several = len(cells) > 1
        done: dict[int, Outcome] = {}
        with self.reporter.task("cells", len(cells), "cells") as task:
            for wait in (False, True):
                for index in in_turn(cells):
                    cell = cells[index]
                    if index not in done and (outcome := self._run_one(cell, wait=wait)):
                        done[index] = outcome
                        task.advance()
        return [done[index] for index in range(len(cells))]

    def _run_one(self, cell: Cell, *, wait: bool) -> Outcome | None:
        final = record_dir(self.out, cell.as_dict())
        if found := self._existing(final, cell):
            return self._reused(cell, found)
        self._prepared(cell)  # what cannot be used, such as weights, leaves no trace under `out`
        with record_lock(final, wait=wait) as mine:
            if not mine:
                self.reporter.line(
                    f"{cell.label()}: another process is computing it; its turn comes last"
                )
                return None
            # It may have been finished while this process waited for the lock.
            if found := self._existing(final, cell) or self._unpublished(final, cell):
                return self._reused(cell, found)
            computed = self._compute(cell, partial_dir(final))
            self.reporter.line(f"{cell.label()}: {_in_short(computed)}")
            return Outcome(cell, computed, reused=False)

    def _reused(self, cell: Cell, found: Record) -> Outcome:
        self.reporter.detail(f"{cell.label()}: recorded before")
        return Outcome(cell, found, reused=True)

    def _existing(self, final: Path, cell: Cell) -> Record | None:
        """The record of exactly this cell, if it is there and keeps the maps that are wanted."""
        if self.overwrite or not final.exists():
            return None
        try:
            found = load_record(final, verify=True)
        except RecordError as error:
            raise RecordError(
                f"a damaged record is in the way: {error} (remove {final}, or give --overwrite)"
            ) from None
        return found if self._serves(found, cell) else None

    def _unpublished(self, final: Path, cell: Cell) -> Record | None:
        """The record that a killed process had finished but not yet moved to its place."""
        partial = partial_dir(final)
        if self.overwrite or not (partial / RUN_FILE).exists():
            return None
        try:
            found = load_record(partial, verify=True)
        except RecordError:
            return None
        return publish(partial, final) if self._serves(found, cell) else None

    def _serves(self, found: Record, cell: Cell) -> bool:
        enough = {"none": ("none", "final", "all"), "final": ("final", "all"), "all": ("all",)}
        timed = "timing" in found.run or not self.timed
        return found.key == cell.key and found.run["maps"] in enough[self.maps] and timed

    def _compute(self, cell: Cell, partial: Path) -> Record:
        from .checkpoint import Checkpoint
        from .recording import record

        features, services = self._prepared(cell)
        meter = self._meter(cell, features)
        stream = Stream(
            features.manifest, cell.order, cell.schedule, domains=cell.drift, blend=cell.blend
        )
        key = f"{cell.key} maps={self.maps}"
        place = partial / CHECKPOINT
        checkpoint = Checkpoint(place, key, self.reporter, every=CHECKPOINT_SECONDS)
        progress = None if self.overwrite else checkpoint.load(features.device)
        if progress is None:
            checkpoint.clear()
        else:
            self.reporter.line(f"{cell.label()}: going on after experience {progress.experience}")
        # Of a cell alone, seconds are those of its own work, one thing after another.
        beside = self._several and not self.timed
        ahead = Ahead(cell, stream, features, services.coresets) if beside else None
        with checkpoint, ahead.until_done() if ahead else nullcontext():
            progress = evaluate(
                cell,
                stream,
                features,
                services,
                maps=self.maps,
                meter=meter,
                progress=progress,
                checkpoint=checkpoint.save,
                reporter=self.reporter,
                ahead=ahead,
            )
            services.neighbors.save()
            timing = None
            if self.timed:
                from ..services.neighbors.search import exact_search
                from .timing import measure

                timing = measure(cell, stream, features, exact_search(self.search)).as_dict()
            return record(
                cell, stream, features, progress, self.out, self.maps, meter.regions, timing
            )

    def _prepared(self, cell: Cell) -> tuple[FeatureSet, Services]:
        """Features (extracted where missing) and services; made once for all cells alike."""
        import_torch()
        from ..services.coresets.service import Coresets
        from ..services.neighbors.disk_cache import DistanceStore
        from ..services.neighbors.search import exact_search
        from ..services.neighbors.service import Neighbors

        device = choose_device(self.device)
        digest = cell.features.digest
        if digest not in self._services:
            # Distances are known by image and block, so each kind of features has its own.
            neighbors = Neighbors(exact_search(self.search))
            if self.keep_distances:
                folder = self.cache / "distances" / digest
                neighbors.store = DistanceStore(folder, self.keep_distances, self.reporter)
            coresets = Coresets(device, self.cache, self.reporter)
            self._services[digest] = Services(coresets, neighbors)
        if cell.material not in self._features:
            self._features[cell.material] = self.extract(cell, self.images(cell).columns)
        return self._features[cell.material], self._services[digest]

    def images(self, cell: Cell) -> Manifest:
        """The images of the cell's stream: those of the dataset, and those that return."""
        if cell.drift not in self._drifted:
            self._drifted[cell.drift] = under_domains(self.manifest, cell.drift)
        return self._drifted[cell.drift]

    def _meter(self, cell: Cell, features: FeatureSet) -> PixelMeter:
        """What measures maps against masks; one for all cells of the same features and maps."""
        from ..pixels.meter import PixelMeter
        from ..pixels.truth import load_truths

        place = cell.features.digest, cell.maps, id(features.manifest)
        if place not in self._meters:
            truths = load_truths(
                features.manifest,
                features.manifest.columns,
                cell.features.preprocessing,
                self.cache,
                self.reporter,
            )
            self._meters[place] = PixelMeter(features, truths, cell.maps)
        return self._meters[place]


def in_turn(cells: Sequence[Cell]) -> list[int]:
    """The order in which cells are computed: as they come, but of a method more experts first.

    An expert of few categories finds the nearest vectors of their images soon. These distances then
    bound those to all others, of which a memory of more categories asks for fewer.
    """
    methods = {method: turn for turn, method in enumerate(dict.fromkeys(c.method for c in cells))}

    def turn(index: int) -> tuple[int, int]:
        experts = getattr(cells[index].params, "experts", 0)
        return methods[cells[index].method], -experts if isinstance(experts, int) else 0

    return sorted(range(len(cells)), key=turn)


def choose_device(name: str) -> torch.device:
    """`auto` is CUDA where there is one."""
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda: no CUDA device is usable here; use --device cpu or auto")
    return torch.device(name)


def stored_vectors(record: Record) -> int:
    """Vectors that the method stored at the end of the stream."""
    memory = record.memory
    last = memory[(memory["expert"] == -1) & (memory["experience"] == memory["experience"].max())]
    return int(last["stored_vectors"].iloc[0])


def _in_short(record: Record) -> str:
    """`acc 0.823, bwt -0.051 (2.1 s)`."""
    reading = Reading(record, tuple(record.categories))
    shown = []
    for name in ("acc", "bwt"):
        metric = quantity(name)
        shown.append(f"{name} {display(float(metric.read(reading)), metric.column)}")
    return f"{', '.join(shown)} ({record.run['seconds']['total']:.1f} s)"
