"""Shared distances: correct, computed once, and within their budget."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from cadbench.benchmark.interface.experience import TestBatch
from cadbench.benchmark.interface.memory_block import Block
from cadbench.benchmark.services.neighbors.search import exact_search
from cadbench.benchmark.services.neighbors.service import Neighbors
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

PATCHES, DIM, IMAGES = 9, 5, 40


def random_values(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


ALL = random_values(IMAGES, PATCHES, DIM, seed=0)
"""Every test image's patches."""


def a_block(seed: int, count: int = 7) -> Block:
    return Block.of(random_values(count, DIM, seed=seed))


def a_batch(images: Sequence[int]) -> TestBatch:
    def no_images() -> Tensor:
        raise AssertionError("images were read")

    ids = tuple(f"image-{number}" for number in images)
    return TestBatch(ids, None, lambda: ALL[list(images)], no_images)


def plain(images: Sequence[int], blocks: Sequence[Block]) -> Tensor:
    vectors = torch.cat([block.vectors for block in blocks])
    return exact_search(ALL[list(images)].flatten(0, 1), vectors)[0].reshape(-1, PATCHES)


class Watched:
    """The exact search; counts its calls and the queries of each block."""

    def __init__(self) -> None:
        self.queries: dict[int, int] = {}
        self.calls = 0

    def __call__(self, queries, vectors, query_rows):
        self.calls += 1
        key = vectors.data_ptr()
        self.queries[key] = self.queries.get(key, 0) + len(query_rows)
        return exact_search(queries, vectors, query_rows)


def test_distances_to_a_union_are_the_minimum_over_its_blocks_to_the_bit():
    blocks = [a_block(seed) for seed in (1, 2, 3)]
    neighbors = Neighbors()
    assert torch.equal(neighbors.min_distance(a_batch(range(6)), blocks), plain(range(6), blocks))
    single = [neighbors.min_distance(a_batch(range(6)), [block]) for block in blocks]
    assert torch.equal(torch.stack(single).amin(0), plain(range(6), blocks))


def test_cached_distances_equal_computed_ones_after_any_earlier_calls():
    blocks = [a_block(1), a_block(2)]
    neighbors = Neighbors()
    for images in (range(3), [5, 1], [39], range(40), [2, 0, 1], [7, 7]):
        assert torch.equal(
            neighbors.min_distance(a_batch(images), blocks), plain(images, blocks)
        ), images


def test_an_image_is_searched_once_in_each_block_however_batches_overlap():
    search = Watched()
    neighbors = Neighbors(search)
    blocks = [a_block(1), a_block(2)]
    for images in ([0, 1, 2], [2, 3], [0, 3, 4], range(5)):
        neighbors.min_distance(a_batch(images), blocks)
    assert list(search.queries.values()) == [5 * PATCHES] * 2


def subset_of(block: Block, rows: Sequence[int]) -> Block:
    return block.take(np.array(rows))


def test_in_a_subset_only_patches_whose_nearest_vector_is_missing_are_searched():
    search = Watched()
    neighbors = Neighbors(search)
    root = a_block(1, 20)
    subset = subset_of(root, [3, 4, 7, 11, 12, 19])
    nearest = exact_search(ALL[:8].flatten(0, 1), root.vectors)[1]
    missing = int((~torch.isin(nearest, torch.tensor([3, 4, 7, 11, 12, 19]))).sum())
    neighbors.min_distance(a_batch(range(8)), [root])
    distances = neighbors.min_distance(a_batch(range(8)), [subset])
    assert torch.equal(distances, plain(range(8), [subset]))
    assert search.queries[subset.vectors.data_ptr()] == missing
    smaller = subset_of(subset, [1, 2, 5])  # rows 4, 7, 19 of the root
    distances = neighbors.min_distance(a_batch(range(9)), [smaller])
    assert torch.equal(distances, plain(range(9), [smaller]))
    assert smaller.parent_digest == root.digest
    assert smaller.parent_rows.tolist() == [4, 7, 19]


def test_a_subset_of_a_block_that_cannot_be_nearest_is_not_searched():
    search = Watched()
    neighbors = Neighbors(search)
    near = Block.of(ALL[:4].flatten(0, 1))
    far = Block.of(random_values(12, DIM, seed=3) + 50)
    neighbors.min_distance(a_batch(range(4)), [far, near])
    calls = search.calls
    subset = subset_of(far, [0, 5])
    distances = neighbors.min_distance(a_batch(range(4)), [subset, near])
    assert torch.equal(distances, torch.zeros(4, PATCHES))
    assert search.calls == calls
    # Without the near block it is searched.
    assert torch.equal(
        neighbors.min_distance(a_batch(range(4)), [subset]), plain(range(4), [subset])
    )


def test_subsets_inherit_nothing_from_blocks_that_do_not_contain_them():
    neighbors = Neighbors()
    root = a_block(1, 20)
    for rows in ([0, 1, 2], [2, 3, 4], [4, 1], list(range(20)), [5, 0, 2, 3]):
        subset = subset_of(root, rows)
        assert torch.equal(
            neighbors.min_distance(a_batch(range(6)), [subset]), plain(range(6), [subset])
        )


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_a_union_has_its_minimum_distances_after_any_earlier_calls(data):
    neighbors = Neighbors(budget=data.draw(st.sampled_from([3_000, 20_000, 10**9])))
    grid = torch.round(random_values(30, DIM, seed=5) * 2) / 2  # ties
    roots = [a_block(1, 12), a_block(2, 9), Block.of(grid), Block.of(ALL[:2].flatten(0, 1))]
    for _ in range(data.draw(st.integers(1, 8))):
        blocks = []
        for root in data.draw(st.lists(st.sampled_from(roots), min_size=1, max_size=3)):
            rows = data.draw(st.lists(st.integers(0, len(root) - 1), min_size=1, unique=True))
            subset = subset_of(root, rows) if data.draw(st.booleans()) else root
            if len(rows) > 1 and data.draw(st.booleans()):
                subset = subset_of(subset, range(0, len(subset), 2))
            blocks.append(subset)
        images = data.draw(st.lists(st.integers(0, 9), min_size=1, max_size=6))
        found = neighbors.min_distance(a_batch(images), blocks)
        assert torch.equal(found, plain(images, blocks))


def test_nothing_is_read_or_searched_for_cached_images():
    search = Watched()
    neighbors = Neighbors(search)
    neighbors.min_distance(a_batch(range(4)), [a_block(1)])
    calls = search.calls

    def unread() -> Tensor:
        raise AssertionError("patches were read")

    cached = TestBatch(("image-3", "image-0"), None, unread, unread)
    assert torch.equal(neighbors.min_distance(cached, [a_block(1)]), plain([3, 0], [a_block(1)]))
    assert search.calls == calls


def test_blocks_of_equal_vectors_share_their_distances():
    search = Watched()
    neighbors = Neighbors(search)
    neighbors.min_distance(a_batch(range(4)), [a_block(1)])
    neighbors.min_distance(a_batch(range(4)), [Block.of(a_block(1).vectors.clone())])
    assert search.calls == 1


def test_changing_a_result_changes_no_later_one():
    neighbors = Neighbors()
    for _ in range(2):
        distances = neighbors.min_distance(a_batch(range(4)), [a_block(1)])
        assert torch.equal(distances, plain(range(4), [a_block(1)]))
        distances.zero_()


def held_bytes(neighbors: Neighbors) -> int:
    return sum(table.nbytes for table in neighbors._tables.values())


def test_bytes_stay_within_the_budget_and_the_latest_used_blocks_stay():
    search = Watched()
    neighbors = Neighbors(search)
    neighbors.min_distance(a_batch(range(IMAGES)), [a_block(0)])
    neighbors.budget = 3 * held_bytes(neighbors)
    blocks = [a_block(seed) for seed in range(6)]
    for block in blocks:
        neighbors.min_distance(a_batch(range(IMAGES)), [block])
        neighbors.min_distance(a_batch([0]), [blocks[0]])  # keeps the first one recent
        assert held_bytes(neighbors) <= neighbors.budget
    calls = search.calls
    neighbors.min_distance(a_batch(range(IMAGES)), [blocks[0], blocks[5]])
    assert search.calls == calls
    assert torch.equal(
        neighbors.min_distance(a_batch(range(IMAGES)), blocks), plain(range(IMAGES), blocks)
    )
    assert search.calls > calls


def test_a_budget_below_one_table_keeps_one_and_stays_correct():
    neighbors = Neighbors(budget=1)
    blocks = [a_block(1), a_block(2)]
    for _ in range(2):
        assert torch.equal(
            neighbors.min_distance(a_batch(range(3)), blocks), plain(range(3), blocks)
        )
    assert len(neighbors._tables) == 1


def test_a_search_that_fails_leaves_no_distances():
    def failing(*args: object) -> tuple[Tensor, Tensor]:
        raise MemoryError

    neighbors = Neighbors(failing)
    with pytest.raises(MemoryError):
        neighbors.min_distance(a_batch(range(3)), [a_block(1)])
    neighbors.search = exact_search
    assert torch.equal(
        neighbors.min_distance(a_batch(range(3)), [a_block(1)]), plain(range(3), [a_block(1)])
    )


def test_an_image_that_occurs_twice_in_a_batch_has_one_row():
    neighbors = Neighbors()
    images = [2, 0, 2, 1]
    for _ in range(2):
        distances = neighbors.min_distance(a_batch(images), [a_block(1)])
        assert torch.equal(distances, plain(images, [a_block(1)]))
    later = neighbors.min_distance(a_batch([3, 4, 0]), [a_block(1)])
    assert torch.equal(later, plain([3, 4, 0], [a_block(1)]))


def test_no_blocks_are_refused():
    with pytest.raises(ValueError, match="at least one block"):
        Neighbors().min_distance(a_batch([0]), [])
