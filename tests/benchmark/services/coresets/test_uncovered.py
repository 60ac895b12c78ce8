"""Selection far from a bank: the picks of a plain loop."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cadbench.benchmark.conformance.mock_stream import mock_stream
from cadbench.benchmark.plugins.methods import load_method
from cadbench.benchmark.services.coresets.k_center import uncovered

from tests.benchmark.services.coresets.test_k_center import plain_greedy


def plain(patches: np.ndarray, k: int, bank: np.ndarray) -> list[int]:
    """Greedy k-center that starts from the bank, with every distance in float64."""
    gaps = patches.astype(np.float64)[:, None] - bank.astype(np.float64)
    initial = np.square(gaps).sum(2).min(1)
    return plain_greedy(patches, k, int(initial.argmax()), initial).tolist()


@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_picks_are_those_of_a_plain_loop(kind):
    rng = np.random.default_rng(0)
    patches = rng.normal(size=(200, 9)).astype(kind)
    bank = rng.normal(size=(30, 9)).astype(np.float32)
    pieces = [patches[:50], patches[50:]]
    picks = uncovered(pieces, 25, torch.from_numpy(bank), rng)
    assert picks.tolist() == plain(patches, 25, bank)
    assert uncovered(pieces, 7, torch.from_numpy(bank), rng).tolist() == picks.tolist()[:7]


def test_patches_and_bank_are_projected_by_the_same_map():
    rng = np.random.default_rng(1)
    patches = rng.normal(size=(60, 12)).astype(np.float32)
    bank = rng.normal(size=(8, 12)).astype(np.float32)
    matrix = np.random.default_rng(5).standard_normal((12, 4))
    projected, small = ((values @ matrix).astype(np.float32) for values in (patches, bank))
    picks = uncovered(patches, 20, torch.from_numpy(bank), np.random.default_rng(5), projection=4)
    assert picks.tolist() == plain(projected, 20, small)


def test_without_a_bank_the_patch_nearest_the_mean_is_first():
    patches = np.array([[0.0], [4.0], [5.0], [12.0]], np.float32)
    picks = uncovered(patches, 3, torch.empty(0, 0), np.random.default_rng(0))
    assert picks.tolist() == [2, 3, 0]
    wide = np.repeat(patches, 3, axis=1)
    projected = uncovered(wide, 3, torch.empty(0, 0), np.random.default_rng(0), projection=2)
    assert projected.tolist() == [2, 3, 0]


@pytest.fixture(scope="module")
def stream():
    return mock_stream(categories=4, train=6, test=4, side=6, dim=24)


def test_the_bank_adds_what_it_does_not_cover_and_is_thinned_before_it_overflows(stream):
    """Room for 40: the third category does not fit, so that 30 of 36 stay and 10 are added."""
    kind = load_method("incremental_coreset")
    method = stream.build(kind, stream.resolved(kind, bank_budget=40, class_budget=18))
    bank = np.empty((0, 24), np.float32)
    for experience, size in zip(stream.experiences(), (18, 36, 40, 40), strict=True):
        (category,) = experience.categories
        patches = experience.patches(category)[1].flatten(0, 1).numpy()
        method.observe(experience)
        if len(bank) + 18 > 40:
            distances = np.linalg.norm(bank[:, None].astype(np.float64) - bank, axis=2)
            np.fill_diagonal(distances, np.inf)
            kept = np.argsort(-distances.min(1), kind="stable")[:30]
            bank = bank[np.sort(kept)]
        if len(bank):
            picks = plain(patches, min(18, 40 - len(bank)), bank)
        else:
            first = np.square(patches - patches.mean(0, dtype=np.float64)).sum(1).argmin()
            picks = [int(first), *plain(patches, 17, patches[[first]])]
        bank = np.concatenate([bank, patches[picks]])
        found = torch.cat([block.vectors for block in method.bank]).numpy()
        np.testing.assert_array_equal(found, bank)
        assert method.memory().stored_vectors == len(bank) == size


def test_a_ratio_of_the_patches_can_be_added_instead(stream):
    kind = load_method("incremental_coreset")
    method = stream.build(kind, stream.resolved(kind, bank_budget=400, ratio=0.1))
    for count, experience in enumerate(stream.experiences(), start=1):
        method.observe(experience)
        assert method.memory().stored_vectors == count * 21  # of 6 images of 36 patches
