"""Estimate what a study has left to do: its cells by state, their time and disk space."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ...results.records.record import Record
from ...results.records.store import find_records, partial_dir, record_dir
from ..features.cache.shards import ShardStore, shards_of
from ..running.reuse import Requirements, find_record
from ..streams.schedule import count_categories, experience_sizes
from ..system.cache import cache_root
from .plan import Plan

if TYPE_CHECKING:
    from ..running.cell import Cell
    from ..running.evaluation.evaluator import Maps


class _Extraction(NamedTuple):
    """Measured on two cores: images per second, and bytes of cached features per image."""

    images_per_second: float
    bytes_per_image: int


_EXTRACTION: Mapping[str, _Extraction] = {
    "tf_efficientnet_lite0": _Extraction(75.0, 784 * 152 * 2),
    "wide_resnet50_2": _Extraction(4.5, 784 * 1024 * 2),
}
"""Backbone -> its cost at 224 pixels; other sizes cost in proportion to their pixels."""

_RECORD_BYTES = 20_000
_BYTES_PER_MAP = 2 * 28 * 28


@dataclass(frozen=True)
class Estimate:
    """What `Study.run` would do.

    Attributes:
        done: cells that have a record.
        begun: cells that were interrupted and would be resumed.
        missing: the other cells.
        images: number of images whose features are not cached.
        seconds: estimated time of the remaining work; None if the cost of a part is unknown.
        unknown: names of the parts of unknown cost: methods without a record, a backbone.
        disk_bytes: estimated size of the records and features to be written.
    """

    done: tuple[Cell, ...]
    begun: tuple[Cell, ...]
    missing: tuple[Cell, ...]
    images: int
    seconds: float | None
    unknown: tuple[str, ...]
    disk_bytes: int


def estimate(
    plan: Plan, out: Path, *, maps: Maps = "final", timed: bool = False, keep_state: bool = False
) -> Estimate:
    """Estimate what is left to do, from the records in `out` and from measured constants.

    Args:
        plan: the cells.
        out: folder of the records.
        maps: anomaly maps that the records must keep.
        timed: whether they must have timings.
        keep_state: whether they must keep the state of the method.
    """
    requirements = Requirements(maps, timed, keep_state)
    tuned = [cell for tuning in plan.tunings for cell in tuning.cells]
    cells: Sequence[Cell] = (*plan.cells, *tuned, *(pair.cell for pair in plan.matched))
    done: list[Cell] = []
    begun: list[Cell] = []
    missing: list[Cell] = []
    for cell in cells:
        folder = record_dir(out, cell.as_dict())
        if find_record(folder, cell, requirements):
            done.append(cell)
        else:
            (begun if partial_dir(folder).exists() else missing).append(cell)
    left = [*begun, *missing]
    images = _missing_images(plan, left)
    rates = _seconds_per_score(find_records(out))
    unknown = sorted({cell.method for cell in left} - rates.keys())
    seconds = sum(rates.get(cell.method, 0.0) * _scores(plan, cell) for cell in left)
    disk = sum(_RECORD_BYTES + _test_images(plan) * _BYTES_PER_MAP for _ in left)
    if images:
        features = left[0].features
        cost = _EXTRACTION.get(features.backbone)
        scale = (features.preprocessing.crop / 224) ** 2
        if cost is None:
            unknown.append(features.backbone)
        else:
            seconds += images * scale / cost.images_per_second
            disk += round(images * scale * cost.bytes_per_image)
    return Estimate(
        done=tuple(done),
        begun=tuple(begun),
        missing=tuple(missing),
        images=images,
        seconds=None if unknown else seconds,
        unknown=tuple(unknown),
        disk_bytes=disk,
    )


def _missing_images(plan: Plan, cells: Iterable[Cell]) -> int:
    """The number of images whose features the cells need and the cache lacks."""
    from ..data.drifted_manifest import add_domains

    shards = {}
    for cell in {cell.feature_inputs: cell for cell in cells}.values():
        store = ShardStore(cache_root() / "features" / cell.features.digest)
        manifest = add_domains(plan.manifest, cell.domains)
        for column in manifest.columns:
            for items in (manifest.train(column), manifest.test(column)):
                for shard in shards_of(items):
                    if not store.path(shard).exists():
                        shards[store.path(shard)] = len(shard.ids)
    return sum(shards.values())


def _seconds_per_score(records: Iterable[Record]) -> dict[str, float]:
    """Method -> median seconds per (experience, category) of its records."""
    rates: dict[str, list[float]] = {}
    for record in records:
        size = len(record.experiences) * len(record.categories)
        rates.setdefault(record.method, []).append(record.run["seconds"]["total"] / size)
    return {method: statistics.median(each) for method, each in rates.items()}


def _scores(plan: Plan, cell: Cell) -> int:
    """The number of (experience, category) pairs of a cell."""
    categories = count_categories(cell.schedule)
    return len(experience_sizes(cell.schedule, categories)) * categories


def _test_images(plan: Plan) -> int:
    return sum(len(plan.manifest.test(category)) for category in plan.manifest.categories)
