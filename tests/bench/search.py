"""Neighbour search: the exact searches against a plain distance matrix, in one run.

`python tests/bench/search.py`: queries are the 784 patches of eight images, in the sizes that
lite0 (152), the published embedding (1024) and plain concatenation (1536) give, against the
replayed part of a coreset (80), a coreset (400) and a whole bank (2400).
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch

from benchmark.services.search import faiss_search, torch_search

QUERIES = 8 * 784
DIMENSIONS = (152, 1024, 1536)
VECTORS = (80, 400, 2400)
REPEATS = 5


def plain(queries: torch.Tensor, blocks: list[torch.Tensor]) -> torch.Tensor:
    """The distance matrix as torch computes it in float32, and its minimum."""
    return torch.cdist(queries, blocks[0]).amin(1)


def seconds(run: Callable[[], object]) -> float:
    """Median of a few runs after a warm-up."""
    run()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    generator = torch.Generator().manual_seed(0)
    print(
        f"{'D':>5} {'M':>5} {'plain ms':>9} {'torch ms':>9} {'faiss ms':>9}  torch/plain  "
        "faiss/torch"
    )
    for dim in DIMENSIONS:
        queries = torch.rand((QUERIES, dim), generator=generator).half().float()
        for count in VECTORS:
            vectors = torch.rand((count, dim), generator=generator).half().float()
            took = [
                seconds(lambda search=search: search(queries, [vectors]))  # noqa: B023
                for search in (plain, torch_search, faiss_search)
            ]
            shown = " ".join(f"{1000 * t:9.1f}" for t in took)
            print(f"{dim:5} {count:5} {shown} {took[1] / took[0]:12.2f} {took[2] / took[1]:12.2f}")


if __name__ == "__main__":
    main()
