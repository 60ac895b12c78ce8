"""Neighbour search: the exact searches against a plain distance matrix, in one run.

`python tests/bench/search.py`: queries are the 784 patches of eight images, in the sizes that
lite0 (152), the published embedding (1024) and plain concatenation (1536) give, against the
replayed part of a coreset (80), a coreset (400) and a whole bank (2400). All lie near a space of
30 dimensions, as embeddings do. `bounded` is the default search where a nearer vector is known for
every query, as in a memory of which another block holds the nearest.
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


def drawn(count: int, dim: int, seed: int) -> torch.Tensor:
    """(count, dim) float16 values in float32."""
    space = torch.randn((30, dim), generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(seed)
    near = torch.randn((count, 30), generator=generator) @ space / 30**0.5
    return (near + 0.1 * torch.randn((count, dim), generator=generator)).half().float()


def main() -> None:
    print(
        f"{'D':>5} {'M':>5} {'plain ms':>9} {'torch ms':>9} {'faiss ms':>9} {'bounded':>9}"
        "  torch/plain  faiss/torch  bounded/torch"
    )
    for dim in DIMENSIONS:
        queries = drawn(QUERIES, dim, 1)
        for count in VECTORS:
            vectors = drawn(count, dim, 2)
            bounds = torch_search(queries, [vectors])[0][0] * 0.8
            searches: list[Callable[[], object]] = [
                lambda q=queries, v=vectors: plain(q, [v]),  # type: ignore[misc]
                lambda q=queries, v=vectors: torch_search(q, [v]),  # type: ignore[misc]
                lambda q=queries, v=vectors: faiss_search(q, [v]),  # type: ignore[misc]
                lambda q=queries, v=vectors, b=bounds: torch_search(q, [v], b),  # type: ignore[misc]
            ]
            took = [seconds(search) for search in searches]
            shown = " ".join(f"{1000 * t:9.1f}" for t in took)
            print(
                f"{dim:5} {count:5} {shown} {took[1] / took[0]:12.2f} {took[2] / took[1]:12.2f} "
                f"{took[3] / took[1]:14.2f}"
            )


if __name__ == "__main__":
    main()
