"""Nearest-vector search: the exact distance, to the last bit, however the work is divided."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from cadbench.benchmark.services.neighbors import search
from cadbench.benchmark.services.neighbors.search import exact_search
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

Found = tuple[Tensor, Tensor]


def torch_as_on_cuda(queries: Tensor, vectors: Tensor) -> Found:
    """The search of devices on which compiled loops cannot run."""
    return search._search_on_device(queries, vectors)


SEARCHES = [exact_search, torch_as_on_cuda]


def plain(queries: Tensor, vectors: Tensor) -> Tensor:
    """The distance in float64, rounded to float32 once."""
    found = []
    for some in queries.double().split(64):  # more would fill the memory
        difference = some[:, None] - vectors.double()[None]
        found.append(difference.square().sum(2).amin(1).sqrt().float())
    return torch.cat(found)


def exact(queries: Tensor, vectors: Tensor) -> Tensor:
    """(N,) distances of pairs."""
    return (queries.double() - vectors.double()).square().sum(1).sqrt().float()


def same_bits(one: Tensor, other: Tensor) -> bool:
    return one.dtype == other.dtype == torch.float32 and torch.equal(one, other)


@st.composite
def problems(draw: Callable[[Any], Any]) -> tuple[Tensor, Tensor]:
    """Queries (N, D) and vectors (M, D) with what makes rounding matter."""
    dim = draw(st.sampled_from([1, 2, 3, 8, 33]))
    rng = np.random.Generator(np.random.PCG64(draw(st.integers(0, 2**32))))

    def rows(count: int) -> np.ndarray:
        kind = draw(st.sampled_from(["grid", "far", "spread"]))
        if kind == "grid":  # exact ties and duplicates
            return rng.integers(-2, 3, (count, dim)).astype(np.float32)
        if kind == "far":  # nearly the same vectors, where float32 products say nothing
            return (1000 + rng.integers(0, 4, (count, dim)) * 2.0**-13).astype(np.float32)
        return (rng.normal(size=(count, dim)) * 10.0 ** rng.integers(-3, 4)).astype(np.float32)

    queries, vectors = rows(draw(st.integers(1, 40))), rows(draw(st.integers(1, 60)))
    copied = draw(st.integers(0, min(len(queries), len(vectors))))
    queries[:copied] = vectors[:copied]
    return torch.from_numpy(queries), torch.from_numpy(vectors)


@pytest.mark.parametrize("found", SEARCHES)
@settings(deadline=None, max_examples=60)
@given(problems())
def test_a_distance_is_the_exact_one_correctly_rounded(found, problem):
    distances, nearest = found(*problem)
    assert same_bits(distances, plain(*problem))
    queries, vectors = problem
    assert same_bits(exact(queries, vectors[nearest]), distances)


@pytest.mark.parametrize("found", SEARCHES)
@settings(deadline=None, max_examples=15)
@given(problems(), st.data())
def test_a_distance_does_not_depend_on_how_queries_and_vectors_are_cut(found, problem, data):
    queries, vectors = problem
    expected, _ = found(queries, vectors)
    cut = data.draw(st.integers(len(vectors) // 8 + 1, len(vectors)))
    parts = [found(queries, part)[0] for part in vectors.split(cut)]
    assert same_bits(torch.stack(parts).amin(0), expected)
    batch = data.draw(st.integers(len(queries) // 8 + 1, len(queries)))
    assert same_bits(
        torch.cat([found(part, vectors)[0] for part in queries.split(batch)]), expected
    )


@settings(deadline=None, max_examples=15)
@given(problems(), st.data())
def test_selected_rows_are_searched_like_all_rows(problem, data):
    queries, vectors = problem
    number = st.integers(0, len(queries) - 1)
    query_rows = torch.tensor(sorted(data.draw(st.sets(number, min_size=1))))
    distances, _ = exact_search(queries, vectors, query_rows)
    assert same_bits(distances, plain(queries[query_rows], vectors))


def test_stored_float16_is_the_same_as_float32():
    finite = torch.arange(-(2**15), 2**15, dtype=torch.int16).view(torch.float16)
    finite = finite[finite.isfinite()]
    queries, vectors = finite[:, None].repeat(1, 2), torch.zeros(1, 2)
    assert same_bits(exact_search(queries, vectors)[0], plain(queries.float(), vectors))


def close_calls() -> tuple[Tensor, Tensor]:
    """Many queries and vectors of the length of real embeddings, half of them nearly equal."""
    rng = np.random.Generator(np.random.PCG64(0))
    vectors = rng.normal(size=(300, 152)).astype(np.float32) * 3
    vectors[150:] = vectors[0] + rng.normal(size=(150, 152)).astype(np.float32) * 1e-4
    queries = vectors[rng.integers(0, 300, 700)] + rng.normal(size=(700, 152)) * 1e-4
    return torch.from_numpy(queries.astype(np.float32)), torch.from_numpy(vectors)


@pytest.mark.parametrize("found", SEARCHES)
def test_near_ties_of_realistic_length_are_resolved_exactly(found):
    queries, vectors = close_calls()
    assert same_bits(found(queries, vectors)[0], plain(queries, vectors))


@pytest.mark.parametrize("threads", [1, 2])
def test_the_number_of_threads_changes_no_bit(threads):
    queries, vectors = close_calls()
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert same_bits(exact_search(queries, vectors)[0], plain(queries, vectors))
    finally:
        torch.set_num_threads(before)


def test_candidates_are_refined_in_small_batches_with_the_same_result(monkeypatch):
    queries, vectors = torch.ones(50, 8), torch.ones(40, 8)
    sizes: list[int] = []
    vecdot = torch.linalg.vecdot

    def watched(one: Tensor, other: Tensor) -> Tensor:
        sizes.append(one.numel())
        return vecdot(one, other)

    monkeypatch.setattr(torch.linalg, "vecdot", watched)
    monkeypatch.setattr(search, "_REFINED_VALUES", {"cpu": 800})
    assert torch_as_on_cuda(queries, vectors)[0].tolist() == [0.0] * 50
    assert sum(sizes) == 50 * 40 * 8
    assert max(sizes) <= 800 + 8


@pytest.mark.parametrize("found", SEARCHES)
def test_one_vector_is_enough(found):
    queries = torch.tensor([[0.0, 0.0], [3.0, 4.0]])
    assert found(queries, torch.zeros(1, 2))[0].tolist() == [0, 5]
    assert found(queries, torch.zeros(3, 2))[0].tolist() == [0, 5]
