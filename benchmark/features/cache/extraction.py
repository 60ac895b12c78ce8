"""Filling of the feature cache, as a pipeline: decode missing images, compute arrays, store them.

Processes decode, threads compute, and other threads write, all at the same time and in order.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field

import numpy as np

from ....results.counts import format_count
from ...data.images.preprocessing import Preprocessing
from ...data.images.reading import read_image
from ...data.item import Item
from ...data.roots import Root
from ...system.processes import available_cores, map_in_processes, map_in_threads
from ...system.reporting import Reporter, damaged_cache_warning
from .shards import Shard, ShardStore

Compute = Callable[[np.ndarray], np.ndarray]
"""Maps preprocessed images (B, 3, H, W) uint8 to the array (B, ...) that is stored."""


WRITERS = 2
"""Threads that write shards. Writing releases the interpreter lock, checksums do too."""


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
    stages = _Stages(
        {
            "decoding": (available_cores() if workers is None else workers) or 1,
            "the network": threads,
            "writing": WRITERS,
        }
    )
    network = load_compute()

    def compute(decoded: tuple[np.ndarray, float]) -> np.ndarray:
        pixels, seconds = decoded
        stages.seconds["decoding"].append(seconds)
        with stages.timed("the network"):
            return network(pixels)

    def write(computed: tuple[Shard, np.ndarray]) -> Shard:
        with stages.timed("writing"):
            store.write(*computed)
        return computed[0]

    with context(), reporter.task(task_name, total, "images") as task:
        decoded = map_in_processes(_decode, jobs, workers=workers)
        arrays = map_in_threads(compute, decoded, threads)
        for shard in map_in_threads(write, zip(missing, arrays, strict=True), WRITERS):
            task.advance(len(shard.ids))
    reporter.detail(f"{task_name}: {stages.summary()}")


def _decode(job: _DecodeJob) -> tuple[np.ndarray, float]:
    """Decode images to (B, 3, crop, crop) uint8, and measure the seconds.

    Raises:
        DataError: an image has changed since the manifest was built.
    """
    started = time.perf_counter()
    pixels = np.stack([read_image(job.root, item, job.preprocessing) for item in job.items])
    return pixels, time.perf_counter() - started


@dataclass(frozen=True)
class _Stages:
    """How long each stage of the pipeline worked.

    Attributes:
        workers: name of a stage -> how many shards it works on at the same time.
        seconds: name of a stage -> seconds per shard.
    """

    workers: Mapping[str, int]
    seconds: dict[str, list[float]] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "seconds", {stage: [] for stage in self.workers})

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Measure one shard of a stage."""
        started = time.perf_counter()
        yield
        self.seconds[stage].append(time.perf_counter() - started)

    def summary(self) -> str:
        """Such as `decoding 12.0 s in 2 workers, ..., so the network limits the others`."""
        share = {stage: sum(self.seconds[stage]) / self.workers[stage] for stage in self.workers}
        parts = [
            f"{stage} {sum(self.seconds[stage]):.1f} s in {format_count(count, 'worker')}"
            for stage, count in self.workers.items()
        ]
        return f"{', '.join(parts)}; {max(share, key=share.__getitem__)} limits the others"
