"""Selection by k-means: a patch of every cluster, in an order whose beginnings are spread too."""

from __future__ import annotations

import numpy as np
import pytest
from cadbench.benchmark.services.coresets import k_means as module
from cadbench.benchmark.services.coresets.k_means import k_means
from cadbench.results.errors import DataError, UsageError


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def heaps(count: int, each: int = 40, seed: int = 0) -> np.ndarray:
    """(count * each, 5) float16: heaps of patches far from one another, in random order."""
    rng = generator(seed)
    places = 20 * np.eye(5)[np.arange(count) % 5] * (1 + np.arange(count) // 5)[:, None]
    patches = places.repeat(each, 0) + rng.normal(0, 0.3, (count * each, 5))
    return rng.permutation(patches).astype(np.float16)


def heap_of(patches: np.ndarray) -> np.ndarray:
    return patches.argmax(1) + 5 * np.rint(patches.max(1) / 20).astype(int)


def test_well_separated_heaps_give_one_patch_each_and_a_beginning_still_different_ones():
    patches = heaps(8)
    picks = k_means(patches, 8, generator())
    assert len(set(heap_of(patches[picks]))) == 8
    assert len(set(heap_of(patches[picks[:4]]))) == 4


def test_a_pick_is_the_patch_of_its_cluster_nearest_the_center(monkeypatch):
    patches = heaps(6, seed=3)
    kept = []
    centers_of = module._fit_centers

    def watched(*given):
        kept.append(centers_of(*given))
        return kept[-1]

    monkeypatch.setattr(module, "_fit_centers", watched)
    picks = k_means(patches, 6, generator())
    squares = ((patches.astype(np.float64)[:, None] - kept[0]) ** 2).sum(2)  # (N, 6)
    owner = squares.argmin(1)
    wanted = [int(np.where(owner == c, squares[:, c], np.inf).argmin()) for c in range(6)]
    assert sorted(picks) == sorted(wanted)


def test_centers_cover_the_patches_nearly_as_well_as_full_k_means():
    from sklearn.cluster import KMeans

    patches = generator(5).gamma(1, 1, (800, 6)).astype(np.float32)
    full = KMeans(20, n_init=3, random_state=0).fit(patches).inertia_
    centers = module._fit_centers(module_rows(patches), 20, generator())
    mine = ((patches[:, None] - centers) ** 2).sum(2).min(1).sum()
    assert mine < 1.15 * full


def module_rows(patches):
    from cadbench.benchmark.services.coresets.patch_rows import PatchRows

    return PatchRows(patches)


@pytest.mark.parametrize("k", [1, 2, 3, 7, 64])
def test_so_many_different_patches_are_picked_the_same_for_a_seed(k):
    patches = heaps(3, each=25)
    picks = k_means(patches, k, generator(2))
    assert len(set(picks.tolist())) == k
    np.testing.assert_array_equal(picks, k_means([patches[:30], patches[30:]], k, generator(2)))


def test_equal_patches_still_give_as_many_and_more_than_there_are_gives_all():
    assert len(set(k_means(np.ones((30, 2), np.float16), 12, generator()).tolist())) == 12
    assert sorted(k_means(heaps(2, each=5), 99, generator()).tolist()) == list(range(10))


def test_values_that_are_not_finite_and_sizes_below_one_are_refused():
    patches = np.zeros((9, 2), np.float16)
    with pytest.raises(UsageError, match="at least 1"):
        k_means(patches, 0, generator())
    patches[4, 1] = np.inf
    with pytest.raises(DataError, match="not finite"):
        k_means(patches, 3, generator())
