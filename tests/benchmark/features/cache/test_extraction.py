"""Extraction: only what is missing, whatever happened before, in bounded memory."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cadbench.benchmark.data.images.decoding import decode
from cadbench.benchmark.data.images.preprocessing import Preprocessing
from cadbench.benchmark.data.manifest import Manifest, build_manifest
from cadbench.benchmark.features.cache.extraction import fill_store
from cadbench.benchmark.features.cache.shards import Shard, ShardStore, shards_of
from cadbench.benchmark.system.reporting import Silent
from cadbench.results.errors import CadbenchError, DataError
from PIL import Image

SQUARE = Preprocessing(resize=64, crop=64)


def untouched(pixels: np.ndarray) -> np.ndarray:
    return pixels


@pytest.fixture
def plates(cache: Path, dataset: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Manifest:
    """Two categories of 10 + 4 images, which shards of 4 split into 3 + 1 each."""
    monkeypatch.setattr("cadbench.benchmark.features.cache.shards.SHARD_SIZE", 4)
    root = dataset(categories=("apple", "bolt"), train=10, good=2, defective=2)
    return build_manifest("plates", root, cache=cache, workers=0)


def parts(manifest: Manifest) -> list[Shard]:
    return [
        shard
        for category in manifest.categories
        for items in (manifest.train(category), manifest.test(category))
        for shard in shards_of(items)
    ]


def fill(manifest: Manifest, folder: Path, compute: Any, **options: Any) -> ShardStore:
    """Fill a newly opened store; `compute` gets (B, 3, 64, 64) uint8."""
    store = ShardStore(folder)
    fill_store(
        store,
        parts(manifest),
        manifest.items,
        manifest.root,
        SQUARE,
        lambda: compute,
        options.pop("reporter", Silent()),
        task_name="extracting",
        workers=options.pop("workers", 0),
    )
    return store


def test_every_shard_holds_the_arrays_of_its_images_in_order(plates, tmp_path):
    store = fill(plates, tmp_path / "store", lambda pixels: pixels[:, 0].astype(np.float16))
    by_content = {item.content: item for item in plates.items}
    for shard in parts(plates):
        wanted = [
            SQUARE.apply(decode(plates.root / by_content[identity].path))[0]
            for identity in shard.ids
        ]
        np.testing.assert_array_equal(store.read(shard), np.stack(wanted))


def test_worker_processes_store_the_same_bytes(plates, tmp_path):
    one = fill(plates, tmp_path / "one", untouched)
    two = fill(plates, tmp_path / "two", untouched, workers=2)
    for shard in parts(plates):
        assert one.path(shard).read_bytes() == two.path(shard).read_bytes()


def test_nothing_is_loaded_or_decoded_where_all_is_stored(plates, tmp_path, monkeypatch):
    fill(plates, tmp_path / "store", untouched)
    monkeypatch.setattr("cadbench.benchmark.features.cache.extraction._decode", pytest.fail)
    fill_store(
        ShardStore(tmp_path / "store"),
        parts(plates),
        plates.items,
        plates.root,
        SQUARE,
        lambda: pytest.fail("the backbone was loaded"),
        Silent(),
        task_name="extracting",
        workers=0,
    )


def test_only_missing_and_damaged_shards_are_computed(plates, tmp_path):
    store = fill(plates, tmp_path / "store", untouched)
    gone, damaged = parts(plates)[1], parts(plates)[6]
    store.path(gone).unlink()
    content = store.path(damaged).read_bytes()
    store.path(damaged).write_bytes(content[:-20])
    sizes: list[int] = []

    def compute(pixels: np.ndarray) -> np.ndarray:
        sizes.append(len(pixels))
        return pixels

    again = fill(plates, tmp_path / "store", compute)
    assert sizes == [len(gone.ids), len(damaged.ids)]
    assert again.path(damaged).read_bytes() == content


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stopped_extraction_resumes(plates, tmp_path, workers):
    done: list[int] = []

    def stopping(pixels: np.ndarray) -> np.ndarray:
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(len(pixels))
        return pixels

    with pytest.raises(KeyboardInterrupt):
        fill(plates, tmp_path / "store", stopping, workers=workers)
    stored = ShardStore(tmp_path / "store")
    assert [shard in stored for shard in parts(plates)] == [True] * 3 + [False] * 5
    done.clear()

    def counting(pixels: np.ndarray) -> np.ndarray:
        done.append(len(pixels))
        return pixels

    whole = fill(plates, tmp_path / "store", counting, workers=workers)
    assert len(done) == 5
    assert all(shard in whole for shard in parts(plates))


@pytest.mark.parametrize("workers", [0, 1])
def test_an_image_replaced_after_the_manifest_was_made_is_refused_by_name(
    plates, tmp_path, workers
):
    item = plates.train("bolt")[3]
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(plates.root / item.path)
    with pytest.raises(DataError, match=f"{item.path} changed during the run"):
        fill(plates, tmp_path / "store", untouched, workers=workers)


def test_an_image_removed_after_the_manifest_was_made_is_refused_by_name(plates, tmp_path):
    item = plates.test("apple")[0]
    (plates.root / item.path).unlink()
    with pytest.raises(DataError, match=item.path):
        fill(plates, tmp_path / "store", untouched)


def test_only_a_few_shards_are_in_memory_at_a_time(plates, tmp_path, monkeypatch):
    from cadbench.benchmark.system import processes as workers

    ahead: list[int] = []
    taken = 0
    map_in_processes = workers.map_in_processes

    def watched(function: Any, jobs: Any, **options: Any) -> Any:
        def counted() -> Any:
            nonlocal taken
            for job in jobs:
                taken += 1
                yield job

        return map_in_processes(function, counted(), **options)

    monkeypatch.setattr("cadbench.benchmark.features.cache.extraction.map_in_processes", watched)

    def compute(pixels: np.ndarray) -> np.ndarray:
        ahead.append(taken - len(ahead))
        return pixels

    fill(plates, tmp_path / "store", compute, workers=2)
    assert len(ahead) == 8
    assert max(ahead) <= 2 + 2


def test_progress_counts_the_missing_images(plates, tmp_path):
    fill(plates, tmp_path / "store", untouched)
    gone = parts(plates)[0]
    ShardStore(tmp_path / "store").path(gone).unlink()
    reported: list[Any] = []

    @dataclasses.dataclass
    class Task:
        def __enter__(self) -> Task:
            return self

        def __exit__(self, *_: object) -> None: ...

        def advance(self, amount: int = 1) -> None:
            reported.append(amount)

    class Reporter(Silent):
        def task(self, description: str, total: int, unit: str) -> Any:
            reported.append((description, total, unit))
            return Task()

    fill(plates, tmp_path / "store", untouched, reporter=Reporter())
    assert reported == [("extracting", 4, "images"), 4]


def test_the_stages_of_the_pipeline_are_reported(plates, tmp_path, monkeypatch):
    lines = []
    monkeypatch.setattr(Silent, "detail", lambda self, text: lines.append(text))
    fill(plates, tmp_path / "store", untouched)
    (line,) = lines
    assert re.fullmatch(
        r"extracting: decoding [\d.]+ s in 1 worker, the network [\d.]+ s in 1 worker, "
        r"writing [\d.]+ s in 2 workers; (decoding|the network|writing) limits the others",
        line,
    )


def test_a_disk_that_is_full_stops_the_pipeline_and_keeps_what_was_written(
    plates, tmp_path, monkeypatch
):
    whole = fill(plates, tmp_path / "whole", untouched)
    write, written = ShardStore.write, []

    def until_full(self, shard, array):
        if len(written) == 2:
            raise CadbenchError("the disk is full")
        write(self, shard, array)
        written.append(shard)

    with monkeypatch.context() as patched:
        patched.setattr(ShardStore, "write", until_full)
        patched.setattr("cadbench.benchmark.features.cache.extraction.WRITERS", 1)
        with pytest.raises(CadbenchError, match="the disk is full"):
            fill(plates, tmp_path / "store", untouched)
    assert written == parts(plates)[:2]
    store = fill(plates, tmp_path / "store", untouched)
    for shard in parts(plates):
        assert store.path(shard).read_bytes() == whole.path(shard).read_bytes()


def test_an_interrupt_in_the_network_keeps_the_shards_before_it(plates, tmp_path):
    calls = []

    def interrupted(pixels):
        calls.append(len(pixels))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return pixels

    with pytest.raises(KeyboardInterrupt):
        fill(plates, tmp_path / "store", interrupted)
    store = ShardStore(tmp_path / "store")
    assert [shard in store for shard in parts(plates)[:3]] == [True, False, False]
