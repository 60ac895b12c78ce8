"""Search near the place of a patch: only vectors of its neighborhood count."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from cadbench.benchmark.interface.memory_block import Block
from cadbench.benchmark.services.neighbors.k_nearest import k_nearest_in_window
from cadbench.results.errors import CadbenchError

HEIGHT, WIDTH = 3, 4
RNG = np.random.default_rng(0)
PATCHES = torch.from_numpy(RNG.normal(size=(2, HEIGHT * WIDTH, 5)).astype(np.float32))


def a_block(places: list[int]) -> Block:
    vectors = torch.from_numpy(RNG.normal(size=(len(places), 5)).astype(np.float32))
    return Block.of(vectors, places=np.array(places, np.uint8))


def plain(blocks: list[Block], k: int, radius: int) -> list[list[list[float]]]:
    stored = [
        (divmod(int(place), WIDTH), vector)
        for block in blocks
        for place, vector in zip(block.places, block.vectors.double().tolist(), strict=True)
    ]

    def nearest(place: int, patch: list[float]) -> list[float]:
        row, column = divmod(place, WIDTH)
        near = [v for (r, c), v in stored if max(abs(r - row), abs(c - column)) <= radius]
        distances = sorted(math.dist(patch, vector) for vector in near or [v for _, v in stored])
        return (distances + [math.inf] * k)[: min(k, len(stored))]

    return [
        [nearest(p, patch) for p, patch in enumerate(image)] for image in PATCHES.double().tolist()
    ]


@pytest.mark.parametrize("radius", [0, 1, 9])
@pytest.mark.parametrize("k", [1, 3, 20])
def test_only_vectors_of_the_neighborhood_count_or_all_if_it_has_none(radius, k):
    blocks = [a_block([0, 0, 5, 11]), a_block([6, 1])]
    found = k_nearest_in_window(PATCHES, blocks, k, grid=(HEIGHT, WIDTH), radius=radius)
    torch.testing.assert_close(
        found.double(), torch.tensor(plain(blocks, k, radius)).double(), rtol=1e-6, atol=0
    )


def test_vectors_without_places_are_refused():
    with pytest.raises(CadbenchError, match=r"give them: Block.of\(vectors, places=...\)"):
        k_nearest_in_window(PATCHES, [Block.of(PATCHES[0])], 1, grid=(HEIGHT, WIDTH), radius=1)


def test_places_follow_their_vectors_and_change_no_digest():
    block = a_block([3, 1, 2])
    assert block.digest == Block.of(block.vectors).digest
    assert block.take(np.array([2, 0])).places.tolist() == [2, 3]
    assert Block.join([block, block.take(np.array([1]))]).places.tolist() == [3, 1, 2, 1]
    assert Block.join([block, Block.of(block.vectors)]).places is None
