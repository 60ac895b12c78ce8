"""Choosing parameters without test images (`--tune`): on held-out training images with defects."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...results.errors import UsageError
from ...results.metrics.image.auroc import auroc
from ...results.storage.files import write_bytes
from ..data.images.drawn_defects import DRAWING_VERSION, KINDS
from ..data.manifest import Manifest
from ..running.cell import Cell, TunedParams
from ..running.design import Design, cells_of
from ..running.shared_inputs import SharedInputs
from ..streams.stream import Stream
from ..streams.tuning_images import TUNING_HOLDOUT, make_tuning_images
from ..system.reporting import Reporter

if TYPE_CHECKING:
    from ..features.weights import Weights

_CACHE = "tuning"


@dataclass(frozen=True)
class Candidate:
    """One combination of values.

    Attributes:
        values: value of each tuned parameter.
        trials: cells on tuning images; their mean AUROC is the score of the combination.
        cells: cells of the study that have these values.
    """

    values: Mapping[str, Any]
    trials: tuple[Cell, ...]
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Tuning:
    """A choice between values of a method's parameters.

    Attributes:
        on: protocol of the trials.
        images: images of the trials.
        stored: the same images, divided as the feature cache is.
        weights: backbone weights.
        candidates: the combinations of values, in the order in which they were given.
    """

    on: str
    images: Manifest
    stored: Manifest
    weights: Weights
    candidates: tuple[Candidate, ...]

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells of the study with the first combination, as an example of their number."""
        return self.candidates[0].cells


def plan_tunings(
    design: Design,
    tuned: Mapping[str, Mapping[str, Sequence[Any]]],
    trials: Design,
    weights: Weights,
) -> list[Tuning]:
    """Plan the choices of a study: one per method and combination of its other parameters.

    Args:
        design: the design of the study.
        tuned: method -> parameter -> values to choose from.
        trials: the design whose training images are used: the study's, or that of `tune_on`.
        weights: backbone weights.

    Raises:
        UsageError: a category has too few training images.
    """
    images, stored = make_tuning_images(trials.manifest)
    streams = tuple(replace(stream, unseen="none") for stream in trials.streams)
    trials = replace(trials, manifest=images, streams=streams)
    (on,) = {cell.protocol for cell in cells_of(replace(trials, methods=design.methods[:1]))}
    found = []
    for method, values in tuned.items():
        others = design.sweep.get(method, {})
        tried = {name: tuple(each) for name, each in values.items()}
        mark = TunedParams(tuple(tried.items()), on, images.hash, DRAWING_VERSION)
        for fixed in _combinations(others):
            candidates = []
            for chosen in _combinations(tried):
                sweep = {method: {name: (v,) for name, v in {**fixed, **chosen}.items()}}
                one: dict[str, Any] = {"methods": (method,), "sweep": sweep}
                candidates.append(
                    Candidate(
                        chosen,
                        tuple(cells_of(replace(trials, **one))),
                        tuple(replace(c, tuned=mark) for c in cells_of(replace(design, **one))),
                    )
                )
            found.append(Tuning(on, images, stored, weights, tuple(candidates)))
    return found


def choose(
    tuning: Tuning, cache: Path, device: str, reporter: Reporter
) -> tuple[tuple[Cell, ...], dict[str, Any]]:
    """Run the trials of a choice.

    Args:
        tuning: the choice.
        cache: the cache folder; it keeps the AUROC of finished trials.
        device: where to compute.
        reporter: receives progress and the result.

    Returns:
        The cells with the best values (of equal ones the first), and the entry of their run.json.
    """
    inputs = SharedInputs(
        tuning.images, cache, device, tuning.weights, reporter, stored=tuning.stored
    )
    found = [[_trial(cell, inputs) for cell in each.trials] for each in tuning.candidates]
    scores = [float(np.mean([auroc for auroc, _ in trials])) for trials in found]
    seconds = [float(sum(spent for _, spent in trials)) for trials in found]
    best = int(np.argmax(scores))
    chosen = tuning.candidates[best]
    written = ", ".join(f"{name}={value}" for name, value in chosen.values.items())
    compared = ", ".join(
        f"{'/'.join(map(str, each.values.values()))} {score:.4f}"
        for each, score in zip(tuning.candidates, scores, strict=True)
    )
    reporter.line(
        f"tuned {chosen.cells[0].method}: {written} (AUROC on held-out training images with drawn "
        f"defects: {compared}; {sum(seconds):.1f} s)"
    )
    entry = {
        "on": tuning.on,
        "images": {
            "held_out": TUNING_HOLDOUT,
            "good": sum(item.split == "test" and not item.drawn for item in tuning.images.items),
            "defects": list(KINDS),
        },
        "tried": [
            {"params": dict(each.values), "auroc": score, "seconds": spent}
            for each, score, spent in zip(tuning.candidates, scores, seconds, strict=True)
        ],
        "chosen": dict(chosen.values),
        "seconds": sum(seconds),
    }
    return chosen.cells, entry


def _trial(cell: Cell, inputs: SharedInputs) -> tuple[float, float]:
    """The mean AUROC over the categories after the last experience of a trial, and its seconds."""
    from ..running.evaluation.evaluator import evaluate

    file = inputs.cache / _CACHE / f"{cell.key}.json"
    try:
        kept = json.loads(file.read_bytes())
        return float(kept["auroc"]), float(kept["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not computed yet, or damaged
    started = time.perf_counter()
    features, services = inputs.prepare(cell)
    stream = Stream(features.manifest, cell.order, cell.schedule, blend=cell.blend)
    progress = evaluate(cell, stream, features, services, maps="none", reporter=inputs.reporter)
    values = []
    for column, scored in progress.rows[-1].items():
        items = stream.manifest.test(column)
        row_of = features.patches(column, "test").row_of
        rows = [row_of[item.content] for item in items]
        values.append(auroc(scored.scores[rows], np.array([item.label for item in items])))
    if np.isnan(values).any():
        raise UsageError("--tune: a category has no AUROC on its held-out training images")
    found = float(np.mean(values)), time.perf_counter() - started
    write_bytes(file, json.dumps({"auroc": found[0], "seconds": found[1]}).encode())
    return found


def _combinations(values: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(values, each, strict=True)) for each in itertools.product(*values.values())]
