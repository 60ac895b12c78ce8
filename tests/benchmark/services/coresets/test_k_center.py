"""Coreset selection picks what the plain greedy loop in float64 picks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch
from cadbench.benchmark.services.coresets import farthest_first, patch_rows
from cadbench.benchmark.services.coresets.k_center import (
    approximate_greedy_k_center,
    greedy_k_center,
    nearest_to_mean,
)
from cadbench.results.errors import DataError, UsageError
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

SIZES = farthest_first.SIZES["cpu"]
IN_ROUNDS = replace(SIZES, all_active=0)
each_way = pytest.mark.parametrize(
    "sizes",
    [
        pytest.param(IN_ROUNDS, id="in rounds"),
        pytest.param(replace(IN_ROUNDS, speculative=7, level=0.8), id="in rounds, speculative"),
        pytest.param(SIZES, id="all active"),
        pytest.param(replace(SIZES, speculative=7), id="all active, speculative"),
    ],
)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small products are faster this way, above all on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def plain_greedy(
    patches: np.ndarray, k: int, start: int, initial: np.ndarray | None = None
) -> np.ndarray:
    """The definition: one pass over all patches a pick, in float64."""
    rows = patches.astype(np.float64)
    nearest = np.full(len(rows), np.inf) if initial is None else initial
    picks = [start]
    while len(picks) < min(k, len(rows)):
        nearest = np.minimum(nearest, ((rows - rows[picks[-1]]) ** 2).sum(axis=1))
        nearest[picks] = -1
        picks.append(int(nearest.argmax()))
    return np.array(picks)


def clustered(count: int, dim: int, seed: int = 0, duplicates: float = 0.3) -> np.ndarray:
    """Patches around 12 centers, float16, a share of them equal to another one."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(12, dim))
    spread = rng.gamma(1.0, 0.2, size=(count, 1))
    patches = centers[rng.integers(12, size=count)] + spread * rng.normal(size=(count, dim))
    copies = rng.random(count) < duplicates
    patches[copies] = patches[rng.integers(count, size=int(copies.sum()))]
    return patches.astype(np.float16)


@contextmanager
def small_blocks(values: int, sizes: farthest_first.Sizes = IN_ROUNDS) -> Iterator[None]:
    """Block sizes that make small data take every path of large data."""
    small = replace(sizes, batch=values, active=values, pairs=values)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(farthest_first.SIZES, "cpu", small)
        patch.setitem(patch_rows.PART_VALUES, "cpu", values)
        yield


@st.composite
def selections(draw: st.DrawFn) -> tuple[np.ndarray, int, int]:
    """(patches of small integers or clustered with duplicates, k, start)."""
    count, dim = draw(st.integers(1, 60)), draw(st.integers(1, 9))
    seed, top = draw(st.integers(0, 2**32 - 1)), draw(st.integers(0, 4))
    if draw(st.booleans()):
        patches = np.random.default_rng(seed).integers(0, top + 1, (count, dim))
    else:
        patches = clustered(count, dim, seed)
    dtype = draw(st.sampled_from([np.float16, np.float32]))
    return patches.astype(dtype), draw(st.integers(1, count + 3)), draw(st.integers(0, count - 1))


@each_way
@settings(max_examples=60, deadline=None)
@given(selection=selections(), block=st.sampled_from([1, 20, 1 << 20]))
def test_picks_are_those_of_the_plain_float64_loop(sizes, selection, block):
    patches, k, start = selection
    with small_blocks(1 << 20 if sizes.all_active else block, sizes):
        picks = greedy_k_center(patches, k, start)
    assert picks.dtype == np.int64
    assert picks.tolist() == plain_greedy(patches, k, start).tolist()


@each_way
@settings(max_examples=30, deadline=None)
@given(selection=selections(), block=st.sampled_from([20, 1 << 20]), data=st.data())
def test_continuing_a_cached_prefix_gives_the_same_picks(sizes, selection, block, data):
    patches, k, start = selection
    expected = plain_greedy(patches, k, start)
    cached = data.draw(st.integers(1, len(expected)))
    with small_blocks(1 << 20 if sizes.all_active else block, sizes):
        picks = greedy_k_center(patches, k, start, chosen=expected[:cached].tolist())
    assert picks.tolist() == expected.tolist()


@pytest.mark.parametrize(
    "patches",
    [
        pytest.param(clustered(4000, 24), id="clustered"),
        pytest.param(clustered(4000, 24, duplicates=0.95), id="mostly duplicates"),
        pytest.param(clustered(4000, 24).astype(np.float32) + 500, id="far from zero"),
        pytest.param(clustered(4000, 24).astype(np.float32) * 1e-18, id="tiny"),
        pytest.param(
            np.random.default_rng(1).normal(size=(4000, 24)).astype(np.float32), id="isotropic"
        ),
        pytest.param(
            np.random.default_rng(2).integers(0, 2, (4000, 24)).astype(np.float32), id="binary"
        ),
        pytest.param(
            np.vstack([clustered(4000, 24), np.full((1, 24), 6e4, np.float16)]), id="an outlier"
        ),
    ],
)
@pytest.mark.parametrize(
    ("block", "speculative"), [(5000, 1), (1 << 20, 1), (5000, 32), (1 << 20, 32)]
)
def test_picks_are_those_of_the_plain_loop_on_thousands_of_patches(patches, block, speculative):
    start = nearest_to_mean(patches)
    with small_blocks(block, replace(IN_ROUNDS, speculative=speculative)):
        picks = greedy_k_center(patches, 300, start)
    assert picks.tolist() == plain_greedy(patches, 300, start).tolist()


@pytest.mark.real7
def test_picks_are_those_of_the_plain_loop_on_blocks_of_real_images(real7):
    images = sorted(real7.glob("*/train/good/*.png"))[::100][:8]
    pixels = np.stack([np.asarray(Image.open(p).convert("RGB").resize((128, 128))) for p in images])
    blocks = pixels.reshape(-1, 32, 4, 32, 4, 3).swapaxes(2, 3).reshape(-1, 48)
    patches = blocks.astype(np.float16)
    start = nearest_to_mean(patches)
    picks = greedy_k_center(patches, 400, start)
    assert picks.tolist() == plain_greedy(patches, 400, start).tolist()


@each_way
def test_once_every_patch_equals_a_pick_the_lowest_indices_pick_among(sizes, monkeypatch):
    monkeypatch.setitem(farthest_first.SIZES, "cpu", sizes)
    patches = np.array([[0], [1], [0], [1], [0]], np.float32)
    assert greedy_k_center(patches, 9, 3).tolist() == [3, 0, 1, 2, 4]


@each_way
def test_ties_go_to_the_lowest_index(sizes, monkeypatch):
    monkeypatch.setitem(farthest_first.SIZES, "cpu", sizes)
    patches = np.array([[0, 0], [0, 2], [2, 0], [0, -2], [-2, 0]], np.float32)
    assert greedy_k_center(patches, 5, 0).tolist() == [0, 1, 2, 3, 4]


@each_way
def test_pieces_a_mapped_file_and_a_tensor_give_the_arrays_picks(sizes, monkeypatch, tmp_path):
    monkeypatch.setitem(farthest_first.SIZES, "cpu", sizes)
    patches = clustered(500, 7)
    expected = greedy_k_center(patches, 60, 4).tolist()
    np.save(tmp_path / "patches.npy", patches)
    mapped = np.load(tmp_path / "patches.npy", mmap_mode="r")
    forms = ([patches[:123], mapped[123:124], patches[124:]], mapped, torch.from_numpy(patches))
    for form in forms:
        assert greedy_k_center(form, 60, 4).tolist() == expected
        assert nearest_to_mean(form) == nearest_to_mean(patches)


def test_patches_are_read_in_parts_of_bounded_size(monkeypatch):
    sizes = []
    take = patch_rows.PatchRows.take

    def spy(self, rows):
        sizes.append(len(rows))
        return take(self, rows)

    monkeypatch.setattr(patch_rows.PatchRows, "take", spy)
    with small_blocks(6400):
        greedy_k_center(clustered(5000, 64), 200, 0)
        nearest_to_mean(clustered(5000, 64))
    assert max(sizes) == 6400 // 64 + 1


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", [0, 7])
def test_values_that_are_not_finite_are_refused(value, row):
    patches = clustered(20, 3)
    patches[row, 1] = value
    with pytest.raises(DataError, match="not finite"):
        greedy_k_center(patches, 5, 0)
    with pytest.raises(DataError, match="not finite"):
        nearest_to_mean(patches)
    with pytest.raises(DataError, match="not finite"):
        approximate_greedy_k_center(patches, 5, np.random.default_rng(0))


def test_no_patches_and_no_picks_are_refused():
    for nothing in ([], np.empty((0, 3), np.float16)):
        with pytest.raises(DataError, match="no patches"):
            greedy_k_center(nothing, 5, 0)
    with pytest.raises(UsageError, match="at least 1"):
        greedy_k_center(clustered(20, 3), 0, 0)
    with pytest.raises(ValueError, match="not with 2"):
        greedy_k_center(clustered(20, 3), 5, 1, chosen=[2, 1])


@given(
    values=st.lists(st.integers(-8, 8), min_size=4, max_size=64).filter(lambda v: len(v) % 4 == 0)
)
def test_the_patch_nearest_the_mean_is_the_first_of_the_nearest(values):
    patches = np.array(values, np.float16).reshape(-1, 4)
    count = len(patches)
    distances = ((count * patches.astype(int) - patches.astype(int).sum(0)) ** 2).sum(1)
    nearest = nearest_to_mean(patches)
    if count & (count - 1):
        assert distances[nearest] == distances.min()
    else:  # the mean is exact, and so are ties
        assert nearest == distances.argmin()


@each_way
@pytest.mark.parametrize("dim", [20, 6])
def test_the_approximate_variant_is_the_plain_one_after_projection_from_mean_distances(
    sizes, monkeypatch, dim
):
    monkeypatch.setitem(farthest_first.SIZES, "cpu", sizes)
    patches = clustered(3000, dim)
    picks = approximate_greedy_k_center(patches, 100, np.random.default_rng(5), projection=6)
    rng = np.random.default_rng(5)
    rows = patches.astype(np.float64)
    if dim != 6:
        rows = (rows @ rng.standard_normal((dim, 6))).astype(np.float32).astype(np.float64)
    anchors = rows[rng.choice(3000, 10, replace=False)]
    initial = np.linalg.norm(rows[:, None] - anchors, axis=2).mean(1) ** 2
    assert picks.tolist() == plain_greedy(rows, 100, int(initial.argmax()), initial).tolist()


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_cuda_device_gives_the_same_picks():
    patches = clustered(20_000, 40)
    on_device = torch.from_numpy(patches).cuda()
    start = nearest_to_mean(patches)
    assert nearest_to_mean(on_device) == start
    expected = greedy_k_center(patches, 300, start).tolist()
    assert greedy_k_center(on_device, 300, start).tolist() == expected
