"""The k nearest vectors: those of scikit-learn, however the work is divided."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cadbench.benchmark.interface.memory_block import Block
from cadbench.benchmark.services.neighbors import k_nearest as module
from cadbench.benchmark.services.neighbors.k_nearest import k_nearest
from cadbench.benchmark.services.neighbors.search import exact_search
from cadbench.benchmark.services.neighbors.service import Neighbors
from sklearn.neighbors import NearestNeighbors


def random_values(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("k", [1, 5, 200])
@pytest.mark.parametrize("chunk", [1, 1 << 18])
def test_neighbors_are_those_of_scikit_learn(k, chunk, monkeypatch):
    monkeypatch.setitem(module._VALUES, "cpu", chunk)
    queries, vectors = random_values(30, 7, seed=0) + 3, random_values(60, 7, seed=1)
    distances, rows = k_nearest(queries, vectors, k)
    index = NearestNeighbors(n_neighbors=min(k, 60), algorithm="brute").fit(vectors.double())
    expected, expected_rows = index.kneighbors(queries.double())
    np.testing.assert_allclose(distances, expected, rtol=1e-6)
    np.testing.assert_array_equal(rows, expected_rows)


def test_the_nearest_distance_is_that_of_the_search_of_one_neighbor():
    queries, vectors = random_values(50, 20, seed=2) * 30, random_values(40, 20, seed=3) * 30
    assert torch.equal(k_nearest(queries, vectors, 3)[0][:, 0], exact_search(queries, vectors)[0])


def test_vectors_that_float32_products_cannot_tell_apart_are_compared_in_float64():
    """Far from the origin, products round to equal values; 40 such vectors are more than the
    candidates. The last is the nearest."""
    query = torch.full((1, 4), 4096.0)
    steps = torch.arange(40, 0, -1)[:, None] * 2.0**-11
    distances, rows = k_nearest(query, query + steps, 3)
    assert rows.tolist() == [[39, 38, 37]]
    assert distances.tolist() == [[2 * step * 2.0**-11 for step in (1, 2, 3)]]


def test_of_equal_vectors_the_lower_rows_come_first():
    vectors = torch.zeros(50, 3)
    distances, rows = k_nearest(torch.ones(2, 3), vectors, 4)
    assert rows.tolist() == [[0, 1, 2, 3]] * 2
    assert torch.equal(distances, torch.full((2, 4), 3.0).sqrt())


def test_the_service_searches_the_concatenated_blocks():
    blocks = [Block.of(random_values(count, 5, seed=count)) for count in (3, 4)]
    queries = random_values(6, 5, seed=9)
    found = Neighbors().k_nearest(queries, blocks, 2)
    expected = k_nearest(queries, torch.cat([block.vectors for block in blocks]), 2)
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))
