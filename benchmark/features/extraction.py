"""One pass of a backbone over the images that are not in the cache yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np

from ..data.images.preprocessing import Preprocessing
from ..data.images.reading import read_image
from ..data.item import Item
from ..data.roots import Root
from ..system.processes import map_in_processes, map_in_threads
from ..system.reporting import Reporter, damaged_cache_warning
from .shards import Shard, ShardStore

Compute = Callable[[np.ndarray], np.ndarray]
"""From preprocessed images (B, 3, H, W) uint8 to the array that is stored, first axis B."""


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
    compute: Callable[[], Compute],
    reporter: Reporter,
    *,
    what: str,
    workers: int | None = None,
    lanes: int = 1,
    setting: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> None:
    """Compute and store every shard that is missing; nothing is loaded where none is.

    Images are decoded in worker processes while `compute()` (built when first needed) runs here,
    on `lanes` shards at once under `setting()`; a few are in memory at a time, whatever the size
    of the dataset.
    """
    missing = [shard for shard in shards if shard not in store]
    if not missing:
        return
    for shard in missing:
        if store.path(shard).exists() and shard not in store:  # not from another process just now
            damaged_cache_warning(reporter)(store.path(shard))
    by_id: Mapping[str, Item] = {item.content: item for item in items}
    jobs = (
        _DecodeJob(root, tuple(by_id[identity] for identity in shard.ids), preprocessing)
        for shard in missing
    )
    total = sum(len(shard.ids) for shard in missing)
    run = compute()
    with setting(), reporter.task(what, total, "images") as task:
        computed = map_in_threads(run, map_in_processes(_decode, jobs, workers=workers), lanes)
        for shard, array in zip(missing, computed, strict=True):
            store.write(shard, array)
            task.advance(len(shard.ids))


def _decode(job: _DecodeJob) -> np.ndarray:
    """(B, 3, crop, crop) uint8; refuses an image that is not the one the manifest saw."""
    return np.stack([read_image(job.root, item, job.preprocessing) for item in job.items])
