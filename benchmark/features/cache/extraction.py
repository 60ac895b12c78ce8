"""Filling of the feature cache: decode missing images, compute their arrays, store them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np

from ...data.images.preprocessing import Preprocessing
from ...data.images.reading import read_image
from ...data.item import Item
from ...data.roots import Root
from ...system.processes import map_in_processes, map_in_threads
from ...system.reporting import Reporter, damaged_cache_warning
from .shards import Shard, ShardStore

Compute = Callable[[np.ndarray], np.ndarray]
"""Maps preprocessed images (B, 3, H, W) uint8 to the array (B, ...) that is stored."""


@dataclass(frozen=True)
class _DecodeJob:
    root: Root
    items: tuple[Item, ...]
    preprocessing: Preprocessing


def fill_store(
    store: ShardStore,
    shards: Sequence[Shard],
    items: Iterable[Item],
    root: Root,
    preprocessing: Preprocessing,
    load_compute: Callable[[], Compute],
    reporter: Reporter,
    *,
    task_name: str,
    workers: int | None = None,
    threads: int = 1,
    context: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> None:
    """Compute and store every shard that is missing. Nothing is loaded if none is.

    Memory is bounded: only a few shards are in memory at a time.

    Args:
        store: where shards are stored.
        shards: the shards to have afterwards.
        items: the images of the shards.
        root: the dataset's files.
        preprocessing: how images are decoded.
        load_compute: loads the function that computes the array of a shard.
        reporter: receives progress, and warnings about damaged files.
        task_name: name of the progress bar.
        workers: processes that decode images; None: one per core.
        threads: shards that are computed at a time.
        context: entered while shards are computed.
    """
    missing = [shard for shard in shards if shard not in store]
    if not missing:
        return
    for shard in missing:
        # The second check is for a file that another process has just completed.
        if store.path(shard).exists() and shard not in store:
            damaged_cache_warning(reporter)(store.path(shard))
    by_id: Mapping[str, Item] = {item.content: item for item in items}
    jobs = (
        _DecodeJob(root, tuple(by_id[identity] for identity in shard.ids), preprocessing)
        for shard in missing
    )
    total = sum(len(shard.ids) for shard in missing)
    compute = load_compute()
    with context(), reporter.task(task_name, total, "images") as task:
        decoded = map_in_processes(_decode, jobs, workers=workers)
        for shard, array in zip(missing, map_in_threads(compute, decoded, threads), strict=True):
            store.write(shard, array)
            task.advance(len(shard.ids))


def _decode(job: _DecodeJob) -> np.ndarray:
    """Decode images to (B, 3, crop, crop) uint8; an error if one has changed since the manifest."""
    return np.stack([read_image(job.root, item, job.preprocessing) for item in job.items])
