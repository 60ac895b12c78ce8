"""The runner: reuses finished cells, resumes interrupted ones, computes and records the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...results.analysis.quantities import Reading, quantity
from ...results.errors import UsageError
from ...results.records.inventory import CHECKPOINT
from ...results.records.record import Record
from ...results.records.store import partial_dir, record_dir
from ...results.rendering.markdown import display
from ...results.storage.locks import record_lock
from ..pixels.crop_notes import recorded_crop_lines
from ..plugins.class_methods import sharing_rank
from ..system.library_caches import set_numba_cache
from ..system.reporting import Reporter
from .callbacks import Callback, ExperienceResult, result_of
from .cell import Cell, name_swept_parameters
from .design import MatchedCell
from .evaluation.evaluator import Maps, evaluate
from .evaluation.progress import Progress
from .reuse import Requirements, find_record, publish_finished
from .shared_inputs import SharedInputs

CHECKPOINT_SECONDS = 1.0
"""Seconds of work that a kill may cost; writing the state after each experience would cost more."""


@dataclass(frozen=True)
class Outcome:
    """The record of a cell, and whether it was computed before this run."""

    cell: Cell
    record: Record
    reused: bool


@dataclass
class Runner:
    """Runs cells. Nothing heavy is imported or read before it is needed.

    Attributes:
        inputs: what the cells share.
        out: folder of the records.
        reporter: shows progress and messages.
        overwrite: whether to compute cells again that already have a record.
        maps: which anomaly maps the records keep.
        timed: whether to measure the time of each method with all caches off.
        keep_state: whether the records keep the final state of the method.
        callbacks: notified when cells start, and when experiences and cells finish.
        tunings: key of a cell whose parameters were chosen -> what was tried.
    """

    inputs: SharedInputs
    out: Path
    reporter: Reporter
    overwrite: bool = False
    maps: Maps = "final"
    timed: bool = False
    keep_state: bool = False
    callbacks: tuple[Callback, ...] = ()
    tunings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)

    def run(
        self,
        cells: Sequence[Cell],
        matched: Sequence[MatchedCell] = (),
        compute: Callable[[Sequence[Cell]], list[Outcome]] | None = None,
    ) -> list[Outcome]:
        """Return the record of every cell, computing those that are missing.

        Args:
            matched: cells that need the memory of one of `cells`; they are computed last.
            compute: computes cells elsewhere; None computes them here, one after another.

        Returns:
            The outcomes of `cells`, then of `matched` without duplicates.

        Raises:
            UsageError: a cell was made for other images.
        """
        set_numba_cache()
        manifest = self.inputs.manifest
        for cell in (*cells, *(pair.cell for pair in matched)):
            if cell.manifest != manifest.hash:
                raise UsageError(
                    f"cell {cell.key[:8]} was made for other images (manifest "
                    f"{cell.manifest[:8]}, this dataset has {manifest.hash[:8]}); create the cells "
                    "again from this dataset"
                )

        def computed(cells: Sequence[Cell]) -> list[Outcome]:
            if compute is None:
                return self._run_all(cells)
            return [self._notify(outcome) for outcome in compute(cells)]

        outcomes = computed(name_swept_parameters(cells))
        if matched:
            stored = {done.cell.key: stored_vectors(done.record) for done in outcomes}
            resolved = {pair.resolve(stored[pair.reference.key]): None for pair in matched}
            outcomes += computed(list(resolved))
        for line in recorded_crop_lines(outcome.record.run for outcome in outcomes):
            self.reporter.warn(line)
        return outcomes

    def _notify(self, outcome: Outcome) -> Outcome:
        for each in self.callbacks:
            each.cell_finished(outcome.cell, outcome.record, outcome.reused)
        return outcome

    def find_outcome(self, cell: Cell) -> Outcome | None:
        """The outcome of a cell that is recorded already, or None."""
        found = self._find(record_dir(self.out, cell.as_dict()), cell)
        return self._reuse(cell, found) if found else None

    def _run_all(self, cells: Sequence[Cell]) -> list[Outcome]:
        """Compute in this process; retry cells that another process is computing at the end."""
        done: dict[int, Outcome] = {}
        kinds = [cell.kind for cell in cells]
        with self.reporter.task("cells", len(cells), "cells", kinds) as task:
            for wait in (False, True):
                for index in computation_order(cells):
                    cell = cells[index]
                    if index not in done and (outcome := self._run_one(cell, wait=wait)):
                        done[index] = self._notify(outcome)
                        task.advance(kind=cell.kind, seconds=0 if outcome.reused else None)
        return [done[index] for index in range(len(cells))]

    def _run_one(self, cell: Cell, *, wait: bool) -> Outcome | None:
        """The outcome of a cell; None if another process computes it and `wait` is false."""
        final = record_dir(self.out, cell.as_dict())
        if found := self._find(final, cell):
            return self._reuse(cell, found)
        self.inputs.prepare(cell)  # unusable inputs, such as wrong weights, must not create `out`
        with record_lock(final, wait=wait) as locked:
            if not locked:
                self.reporter.line(
                    f"{cell.label()}: another process is computing this cell; trying again at the "
                    "end"
                )
                return None
            # Another process may have finished it while this one waited for the lock.
            if found := self._find(final, cell, unpublished=True):
                return self._reuse(cell, found)
            computed = self._compute(cell, partial_dir(final))
            self.reporter.line(f"{cell.label()}: {_summarize(computed)}")
            return Outcome(cell, computed, reused=False)

    def _reuse(self, cell: Cell, found: Record) -> Outcome:
        self.reporter.detail(f"{cell.label()}: already computed, reusing the record")
        return Outcome(cell, found, reused=True)

    def _find(self, final: Path, cell: Cell, *, unpublished: bool = False) -> Record | None:
        """The record to reuse; `unpublished`: also one that a killed process did not move."""
        if self.overwrite:
            return None
        requirements = Requirements(self.maps, self.timed, self.keep_state)
        found = find_record(final, cell, requirements)
        return found or (publish_finished(final, cell, requirements) if unpublished else None)

    def _compute(self, cell: Cell, partial: Path) -> Record:
        from .checkpoint import Checkpoint
        from .recording import record

        features, services = self.inputs.prepare(cell)
        meter = self.inputs.meter(cell, features)
        stream = cell.stream(features.manifest)
        key = f"{cell.key} maps={self.maps}"
        checkpoint = Checkpoint(
            partial / CHECKPOINT, key, self.reporter, every=CHECKPOINT_SECONDS, cell=cell.as_dict()
        )
        progress = None if self.overwrite else checkpoint.load(features.device)
        if progress is None:
            checkpoint.clear()
        else:
            self.reporter.line(
                f"{cell.label()}: resuming after experience {progress.experience} of "
                f"{len(stream.train_stream)}"
            )

        def after_experience(progress: Progress) -> None:
            checkpoint.save(progress)
            extracting = features.is_deferred and progress.experience < len(stream.train_stream)
            if self.callbacks or extracting:
                result = result_of(progress.steps[-1], stream, features)
                if extracting:
                    self.reporter.line(_first_result(result))
                for each in self.callbacks:
                    each.experience_finished(cell, result)

        for each in self.callbacks:
            each.cell_started(cell)
        with checkpoint:
            progress = evaluate(
                cell, stream, features, services, maps=self.maps, meter=meter, progress=progress,
                checkpoint=after_experience, reporter=self.reporter,
            )  # fmt: skip
            services.neighbors.save()
            timing = None
            if self.timed:
                from .evaluation.timing import measure_timing

                timing = measure_timing(cell, stream, features)
            return record(
                cell, stream, features, progress, self.out, self.maps, meter.regions, timing,
                self.keep_state, self.tunings.get(cell.key),
            )  # fmt: skip


def computation_order(cells: Sequence[Cell]) -> list[int]:
    """The indices of the cells in an order in which those that share cached work are neighbors.

    Methods keep the order in which they first appear. The cells of one method are sorted by its
    `sharing_rank`, highest first; equal ranks keep their order.
    """
    methods = list(dict.fromkeys(cell.method for cell in cells))

    def key(index: int) -> tuple[int, float]:
        cell = cells[index]
        rank = sharing_rank(cell.method, cell.method_class, cell.params)
        return methods.index(cell.method), -rank

    return sorted(range(len(cells)), key=key)


def stored_vectors(record: Record) -> int:
    """The number of vectors that the method stored at the end of the stream."""
    return int(quantity("stored_vectors").read(Reading(record, ())))


def _first_result(result: ExperienceResult) -> str:
    """`first result, after experience 1 of 15: AUROC 0.983 on bolt`."""
    values = (f"{result.auroc[c]:.3f} on {c}" for c in result.categories if c in result.auroc)
    return (
        f"first result, after experience {result.index} of {result.experiences}: "
        f"AUROC {', '.join(values)}"
    )


def _summarize(record: Record) -> str:
    """`acc 0.823, bwt -0.051 (2.1 s)`."""
    reading = Reading(record, tuple(record.categories))
    values = []
    for name in ("acc", "bwt"):
        metric = quantity(name)
        values.append(f"{name} {display(float(metric.read(reading)), metric.column)}")
    return f"{', '.join(values)} ({record.run['seconds']['total']:.1f} s)"
