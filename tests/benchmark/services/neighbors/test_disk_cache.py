"""Distances on disk: the same after a restart, bounded, and never trusted when damaged."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from cadbench.benchmark.interface.experience import TestBatch
from cadbench.benchmark.interface.memory_block import Block
from cadbench.benchmark.services.neighbors.disk_cache import DistanceStore
from cadbench.benchmark.services.neighbors.search import exact_search
from cadbench.benchmark.services.neighbors.service import Neighbors

PATCHES, DIM = 6, 4
ALL = torch.randn(12, PATCHES, DIM, generator=torch.Generator().manual_seed(0))


class Search:
    """The exact search; counts its queries."""

    def __init__(self) -> None:
        self.queries = 0

    def __call__(self, queries, vectors, query_rows):
        self.queries += len(query_rows)
        return exact_search(queries, vectors, query_rows)


def a_block(seed: int, count: int = 10) -> Block:
    return Block.of(torch.randn(count, DIM, generator=torch.Generator().manual_seed(seed)))


def a_batch(images: range) -> TestBatch:
    return TestBatch(tuple(f"image-{i}" for i in images), None, lambda: ALL[list(images)], None)


def neighbors(folder: Path, budget: int = 10**6, memory: int = 10**6) -> Neighbors:
    return Neighbors(Search(), memory, DistanceStore(folder / "distances" / "f", budget))


def test_a_later_process_searches_only_what_is_new_and_finds_the_same(tmp_path):
    blocks = [a_block(1), a_block(2)]
    first = neighbors(tmp_path)
    wanted = first.min_distance(a_batch(range(8)), blocks)
    first.save()
    later = neighbors(tmp_path)
    assert torch.equal(later.min_distance(a_batch(range(8)), blocks), wanted)
    assert later.search.queries == 0
    later.min_distance(a_batch(range(10)), blocks)
    assert 0 < later.search.queries <= 2 * 2 * PATCHES
    # A subset that the first process never saw, with and without its root.
    subset = blocks[0].take(np.array([1, 4, 8]))
    alone = neighbors(tmp_path)
    plain = Neighbors().min_distance(a_batch(range(8)), [subset])
    alone.min_distance(a_batch(range(8)), blocks)
    assert torch.equal(alone.min_distance(a_batch(range(8)), [subset]), plain)
    alone.save()
    again = neighbors(tmp_path)
    bare = Block(subset.vectors, subset.digest)
    assert torch.equal(again.min_distance(a_batch(range(8)), [bare]), plain)
    assert again.search.queries == 0


def test_nearest_vectors_are_restored_as_rows_of_the_root(tmp_path):
    root = a_block(1, 30)
    subset = root.take(np.arange(29, 3, -2))
    first = neighbors(tmp_path)
    first.min_distance(a_batch(range(8)), [subset])
    first.save()
    later = neighbors(tmp_path)
    smaller = root.take(np.array([29, 25, 7]))
    later.min_distance(a_batch(range(8)), [subset])
    found = later.min_distance(a_batch(range(8)), [smaller])
    assert torch.equal(found, Neighbors().min_distance(a_batch(range(8)), [smaller]))
    assert 0 < later.search.queries < 8 * PATCHES


def test_a_damaged_file_is_reported_and_computed_again(tmp_path):
    first = neighbors(tmp_path)
    wanted = first.min_distance(a_batch(range(8)), [a_block(1)])
    first.save()
    (file,) = (tmp_path / "distances" / "f").iterdir()
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    warnings: list[str] = []
    later = neighbors(tmp_path)
    later.store.reporter.warn = warnings.append
    assert torch.equal(later.min_distance(a_batch(range(8)), [a_block(1)]), wanted)
    assert later.search.queries == 8 * PATCHES
    assert len(warnings) == 1
    assert "damaged" in warnings[0]
    later.save()
    assert neighbors(tmp_path).min_distance(a_batch(range(8)), [a_block(1)]).equal(wanted)


def test_files_stay_within_the_budget_and_the_latest_used_ones_stay(tmp_path):
    first = neighbors(tmp_path)
    first.min_distance(a_batch(range(8)), [a_block(1)])
    first.save()
    folder = tmp_path / "distances" / "f"
    (file,) = folder.iterdir()
    size = file.stat().st_size
    bounded = neighbors(tmp_path, budget=int(3.5 * size))
    other = tmp_path / "distances" / "other features"
    other.mkdir()
    (other / "old").write_bytes(bytes(size))
    os.utime(other / "old", ns=(0, 0))
    os.utime(file, ns=(1, 1))
    bounded.min_distance(a_batch(range(8)), [a_block(1)])  # reading counts as use
    for seed in (2, 3):
        bounded.min_distance(a_batch(range(8)), [a_block(seed)])
        bounded.save()
    left = {path.name for path in folder.iterdir()}
    assert not (other / "old").exists()
    assert left == {a_block(seed).digest for seed in (1, 2, 3)}
    bounded.min_distance(a_batch(range(8)), [a_block(4)])
    bounded.save()
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 3.5 * size
    assert (folder / a_block(4).digest).exists()


def test_tables_dropped_from_memory_are_still_on_disk(tmp_path):
    blocks = [a_block(seed) for seed in range(4)]
    small = neighbors(tmp_path, memory=600)
    for number, block in enumerate(blocks):
        small.min_distance(a_batch(range(8)), [block])
        # Two fit. A table is written when it is dropped, not at every call while memory is full.
        kept = {path.name for path in (tmp_path / "distances").glob("*/*")}
        assert kept == {dropped.digest for dropped in blocks[: max(0, number - 1)]}
    small.save()
    searched = small.search.queries
    for block in blocks:
        small.min_distance(a_batch(range(8)), [block])
    assert small.search.queries == searched == 4 * 8 * PATCHES


def test_a_second_run_with_kept_distances_scores_the_same(
    call, dataset, cache, pixel_backbone, tmp_path
):
    words = ["run", "--method", "mecad", "--experts", "2", "--data-root", str(dataset()), "-q",
             "--dataset", "folder", "--image-size", "64", "--device", "cpu"]  # fmt: skip
    call(*words, "--out", str(tmp_path / "plain"))
    assert not (cache / "distances").exists()
    call(*words, "--keep-distances", "0.1", "--out", str(tmp_path / "first"))
    files = list((cache / "distances").glob("*/*"))
    assert files
    call(*words, "--keep-distances", "0.1", "--out", str(tmp_path / "second"))
    kept = [sorted((tmp_path / run).rglob("scores.*")) for run in ("plain", "first", "second")]
    assert len(kept[0]) == 1
    assert len({paths[0].read_bytes() for paths in kept}) == 1
