"""Coresets: selections are correct, longer ones serve shorter ones, and the cache is reused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cadbench.benchmark.features.cache.cached_patches import CachedPatchSource
from cadbench.benchmark.features.cache.shards import Shard, ShardStore
from cadbench.benchmark.interface.experience import TrainExperience
from cadbench.benchmark.interface.memory_block import Block
from cadbench.benchmark.services.coresets import herding, k_center, k_means
from cadbench.benchmark.services.coresets.service import Coresets

from tests.benchmark.services.coresets.test_k_center import plain_greedy

CPU = torch.device("cpu")
TOTAL = 6 * 30


@pytest.fixture
def values() -> np.ndarray:
    """(6, 30, 4) float16: the patches of six images."""
    return np.random.Generator(np.random.PCG64(0)).normal(size=(6, 30, 4)).astype(np.float16)


@pytest.fixture
def experience(tmp_path: Path, values: np.ndarray) -> TrainExperience:
    """One category whose patches lie in two shards."""
    store = ShardStore(tmp_path / "store")
    shards = (Shard(("a", "b", "c", "d")), Shard(("e", "f")))
    store.write(shards[0], values[:4])
    store.write(shards[1], values[4:])
    source = CachedPatchSource(store, shards, "spec", CPU)
    return TrainExperience(1, ("apple",), 0, {"apple": source}, {})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def rows_of(values: np.ndarray) -> np.ndarray:
    """(180, 4) float64 patches in storage order."""
    return values.reshape(-1, values.shape[-1]).astype(np.float64)


def greedy(rows: np.ndarray, size: int, first: int | None = None) -> list[int]:
    """The plain algorithm, from the row nearest the mean or from `first`."""
    nearest = int(((rows - rows.mean(0)) ** 2).sum(1).argmin())
    return plain_greedy(rows, size, nearest if first is None else first).tolist()


def selected(coresets: Coresets, experience: TrainExperience, size: int, **how: Any) -> np.ndarray:
    return coresets.select(experience, "apple", size, **how).vectors.numpy()


def forbid_selection(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("greedy_k_center", "approximate_greedy_k_center", "nearest_to_mean"):
        monkeypatch.setattr(k_center, name, lambda *_, **__: pytest.fail("selected again"))
    for module in (herding, k_means):
        name = module.__name__.rpartition(".")[2]
        monkeypatch.setattr(module, name, lambda *_, **__: pytest.fail("selected again"))


def test_greedy_selection_is_the_plain_algorithm_from_the_patch_nearest_the_mean(
    experience, values
):
    rows = rows_of(values)
    got = selected(Coresets(CPU), experience, 25)
    np.testing.assert_array_equal(got, rows[greedy(rows, 25)].astype(np.float32))


def test_greedy_continues_from_a_random_start_that_follows_from_the_seed(experience, values):
    rows = rows_of(values)
    starts = set()
    for seed in range(5):
        got = selected(Coresets(CPU), experience, 10, start="random", seed=seed)
        first = int((rows == got[0]).all(1).nonzero()[0][0])
        np.testing.assert_array_equal(got, rows[greedy(rows, 10, first)].astype(np.float32))
        starts.add(first)
    assert len(starts) > 1


def test_greedy_from_the_mean_is_one_block_for_every_seed(experience):
    coresets = Coresets(CPU)
    block = coresets.select(experience, "apple", 10, seed=0)
    assert coresets.select(experience, "apple", 10, seed=1) is block


SELECTORS: list[dict[str, Any]] = [
    {"selector": "greedy"},
    {"selector": "greedy", "start": "random", "seed": 3},
    {"selector": "approximate_greedy", "seed": 3},
    {"selector": "random", "seed": 3},
    {"selector": "herding"},
]
NAMED = {"argvalues": SELECTORS, "ids": lambda how: "-".join(map(str, how.values()))}


@pytest.mark.parametrize("how", **NAMED)
def test_a_shorter_selection_is_a_prefix_of_a_longer_one(experience, how):
    expected = selected(Coresets(CPU), experience, 40, **how)
    assert len(np.unique(expected, axis=0)) == 40
    growing = Coresets(CPU)
    for size in (1, 12, 5, 40):
        np.testing.assert_array_equal(selected(growing, experience, size, **how), expected[:size])


@pytest.mark.parametrize("how", **NAMED)
def test_a_stored_selection_serves_every_shorter_one(experience, folder, monkeypatch, how):
    expected = selected(Coresets(CPU, folder), experience, 20, **how)
    forbid_selection(monkeypatch)
    again = Coresets(CPU, folder)
    for size in (20, 7):
        np.testing.assert_array_equal(selected(again, experience, size, **how), expected[:size])


@pytest.mark.parametrize("kept", ["memory", "disk"])
def test_a_longer_selection_continues_the_cached_picks(experience, folder, monkeypatch, kept):
    coresets = Coresets(CPU, folder if kept == "disk" else None)
    selected(coresets, experience, 15)
    if kept == "disk":
        coresets = Coresets(CPU, folder)
    given: list[int] = []
    greedy_k_center = k_center.greedy_k_center

    def watched(patches: Any, k: int, start: int, *, chosen: Any = ()) -> np.ndarray:
        given.append(len(chosen))
        return greedy_k_center(patches, k, start, chosen=chosen)

    monkeypatch.setattr(k_center, "greedy_k_center", watched)
    longer = selected(coresets, experience, 30)
    assert given == [15]
    np.testing.assert_array_equal(longer, selected(Coresets(CPU), experience, 30))
    # The longer selection is on disk now.
    if kept == "disk":
        forbid_selection(monkeypatch)
        selected(Coresets(CPU, folder), experience, 30)


def damaged(content: bytes, how: str) -> bytes:
    return {
        "truncated": content[: len(content) // 2],
        "flipped": content[:-1] + bytes([content[-1] ^ 1]),
        "emptied": b"",
        "foreign": b"not a selection",
    }[how]


@pytest.mark.parametrize("how", ["truncated", "flipped", "emptied", "foreign"])
def test_a_damaged_file_is_computed_again(experience, folder, how):
    expected = selected(Coresets(CPU, folder), experience, 10)
    centroid = Coresets(CPU, folder).centroid(experience, "apple")
    files = list((folder / "coresets").glob("*.npy"))
    assert len(files) == 2
    contents = [file.read_bytes() for file in files]
    for file, content in zip(files, contents, strict=True):
        file.write_bytes(damaged(content, how))
    again = Coresets(CPU, folder)
    np.testing.assert_array_equal(selected(again, experience, 10), expected)
    np.testing.assert_array_equal(again.centroid(experience, "apple"), centroid)
    assert [file.read_bytes() for file in files] == contents


@pytest.mark.parametrize("selector", ["random", "approximate_greedy", "kmeans"])
def test_random_selections_depend_on_the_seed_and_nothing_else(experience, folder, selector):
    how: dict[str, Any] = {"selector": selector}
    first = selected(Coresets(CPU), experience, 10, **how, seed=1)
    busy = Coresets(CPU, folder)
    other = selected(busy, experience, 10, **how, seed=2)
    selected(busy, experience, 30)
    np.testing.assert_array_equal(selected(busy, experience, 10, **how, seed=1), first)
    assert not np.array_equal(other, first)


def test_k_means_is_selected_for_each_size_whatever_was_selected_before(
    experience, folder, monkeypatch
):
    how: dict[str, Any] = {"selector": "kmeans"}
    alone = selected(Coresets(CPU), experience, 10, **how)
    busy = Coresets(CPU, folder)
    selected(busy, experience, 30, **how)
    np.testing.assert_array_equal(selected(busy, experience, 10, **how), alone)
    forbid_selection(monkeypatch)
    for size in (30, 10):
        assert len(selected(Coresets(CPU, folder), experience, size, **how)) == size


def test_herding_is_one_block_for_every_seed_and_start(experience):
    coresets = Coresets(CPU)
    block = coresets.select(experience, "apple", 10, selector="herding", seed=0)
    other = coresets.select(experience, "apple", 10, selector="herding", start="random", seed=1)
    assert other is block


@pytest.mark.parametrize("how", **NAMED)
def test_more_than_there_are_gives_all(experience, how):
    assert len(selected(Coresets(CPU), experience, 1000, **how)) == TOTAL


def test_the_centroid_is_the_mean_of_all_patches_in_float64(experience, values, folder):
    wanted = rows_of(values).mean(0)
    for coresets in (Coresets(CPU), Coresets(CPU, folder), Coresets(CPU, folder)):
        got = coresets.centroid(experience, "apple")
        assert got.dtype == np.float64
        np.testing.assert_allclose(got, wanted, rtol=1e-13)


def test_patches_are_counted_and_gathered_over_images_and_shards(experience, values):
    coresets, rows = Coresets(CPU), rows_of(values).astype(np.float32)
    assert coresets.patch_count(experience, "apple") == TOTAL
    picks = np.array([179, 0, 119, 120, 0])
    got = coresets.gather(experience, "apple", picks)
    np.testing.assert_array_equal(got.vectors.numpy(), rows[picks])
    assert got.vectors.dtype == torch.float32
    np.testing.assert_array_equal(coresets.everything(experience, "apple").vectors.numpy(), rows)


def blocks(values: np.ndarray) -> list[Block]:
    return [Block.of(torch.from_numpy(image)) for image in values[:3]]


def test_a_union_is_reduced_by_greedy_selection_over_all_its_vectors(values, folder):
    rows = rows_of(values[:3])
    wanted = greedy(rows, 20)
    for coresets in (Coresets(CPU), Coresets(CPU, folder), Coresets(CPU, folder)):
        assert coresets.reduce(blocks(values), 8).tolist() == wanted[:8]
        assert coresets.reduce(blocks(values), 20).tolist() == wanted


def test_a_union_that_fits_keeps_all_rows(values):
    assert Coresets(CPU).reduce(blocks(values), 90).tolist() == list(range(90))


def test_a_reduced_union_is_not_selected_twice(values, folder, monkeypatch):
    Coresets(CPU, folder).reduce(blocks(values), 20)
    forbid_selection(monkeypatch)
    again = Coresets(CPU, folder)
    assert len(again.reduce(blocks(values), 15)) == 15
    assert len(again.reduce(blocks(values), 20)) == 20


def test_other_blocks_or_another_order_of_them_are_another_union(values):
    coresets = Coresets(CPU)
    coresets.reduce(blocks(values), 20)
    turned = blocks(values)[::-1]
    rows = np.concatenate([block.vectors.numpy() for block in turned]).astype(np.float64)
    assert coresets.reduce(turned, 20).tolist() == greedy(rows, 20)
