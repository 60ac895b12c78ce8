"""The approximate search: exact distances to nearly the nearest vectors, whatever the batch."""

from __future__ import annotations

import pytest
import torch
from cadbench.benchmark.interface.memory_block import Block
from cadbench.benchmark.services.neighbors import inverted_file
from cadbench.benchmark.services.neighbors.inverted_file import InvertedFiles
from cadbench.benchmark.services.neighbors.k_nearest import k_nearest

QUERIES, COUNT, DIM, CELLS = 60, 900, 6, 60


def clustered(count: int, seed: int) -> torch.Tensor:
    """(count, DIM) values around the same 30 places."""
    places = torch.randn(30, DIM, generator=torch.Generator().manual_seed(0)) * 5
    generator = torch.Generator().manual_seed(seed)
    return places[torch.arange(count) % 30] + torch.randn(count, DIM, generator=generator)


@pytest.fixture
def block(monkeypatch: pytest.MonkeyPatch) -> Block:
    monkeypatch.setattr(inverted_file, "SMALLEST_APPROXIMATE", 100)
    return Block.of(clustered(COUNT, 1))


def test_with_all_cells_the_search_is_exact(block):
    queries = clustered(QUERIES, 2)
    found = InvertedFiles().k_nearest(queries, [block], 4, CELLS)
    for one, other in zip(found, k_nearest(queries, block.vectors, 4), strict=True):
        assert torch.equal(one, other)


def test_with_few_cells_most_of_the_nearest_are_found_and_distances_are_exact(block):
    queries = clustered(QUERIES, 2)
    distances, rows = InvertedFiles().k_nearest(queries, [block], 1, 1)
    exact, nearest = k_nearest(queries, block.vectors, 1)
    assert 0.5 < (rows == nearest).double().mean() < 1
    assert (distances >= exact).all()
    difference = queries.double() - block.vectors[rows[:, 0]].double()
    assert torch.equal(distances[:, 0], difference.square().sum(1).sqrt().float())


def test_a_result_depends_on_neither_batch_nor_threads_nor_budget(block, monkeypatch):
    queries = clustered(QUERIES, 2)
    blocks = [block, Block.of(clustered(300, 3)), Block.of(clustered(40, 4))]
    expected = InvertedFiles().k_nearest(queries, blocks, 3, 2)
    monkeypatch.setattr(inverted_file, "_STEP", 7)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found = InvertedFiles(budget=1).k_nearest(queries, blocks, 3, 2)
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))
    single = InvertedFiles().k_nearest(queries[5:6], blocks, 3, 2)
    assert all(torch.equal(one, other[5:6]) for one, other in zip(single, expected, strict=True))


def test_a_query_whose_cells_have_too_few_vectors_is_compared_with_all(block):
    queries = clustered(QUERIES, 2)
    distances, _ = InvertedFiles().k_nearest(queries, [block], 90, 1)
    assert torch.equal(distances, k_nearest(queries, block.vectors, 90)[0])


def test_small_blocks_have_no_cells(block):
    small = Block.of(block.vectors[:99])
    queries = clustered(QUERIES, 2)
    assert torch.equal(
        InvertedFiles().k_nearest(queries, [small], 1, 1)[0],
        k_nearest(queries, small.vectors, 1)[0],
    )


@pytest.mark.parametrize("sizes", [(30, 900, 20), (60, 70, 80, 40), (900, 900)])
def test_rows_are_those_of_the_concatenated_blocks(block, sizes):
    blocks = [Block.of(clustered(size, 5 + size)) for size in sizes]
    queries = clustered(QUERIES, 2)
    found = InvertedFiles().k_nearest(queries, blocks, 3, CELLS)
    vectors = torch.cat([each.vectors for each in blocks])
    distances, rows = found
    assert torch.equal(distances, k_nearest(queries, vectors, 3)[0])
    difference = queries.double()[:, None] - vectors[rows].double()
    assert torch.equal(distances, difference.square().sum(2).sqrt().float())
