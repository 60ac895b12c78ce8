"""Neighbor search: the exact search against a plain distance matrix, in one run.

`python tests/bench/search.py [--device cuda]` searches the 784 patches of eight images, with the
dimensions of lite0 (152), the published embedding (1024) and plain concatenation (1536), in the
replayed part of a coreset (80 vectors), a coreset (400) and a bank (2400). All are close to a
30-dimensional subspace, as embeddings are.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from cadbench.benchmark.services.neighbors.search import exact_search

QUERIES = 8 * 784
DIMENSIONS = (152, 1024, 1536)
VECTORS = (80, 400, 2400)
REPEATS = 5


def plain(queries: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    """The minimum of torch's float32 distance matrix."""
    return torch.cdist(queries, vectors).amin(1)


def seconds(run: Callable[[], object]) -> float:
    """Median of several calls after a warm-up."""
    run()
    times = []
    for _ in range(REPEATS):
        wait()
        start = time.perf_counter()
        run()
        wait()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def wait() -> None:
    """Wait for CUDA if it is in use."""
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()


def random_vectors(count: int, dim: int, seed: int) -> torch.Tensor:
    """(count, dim) float16 values in float32."""
    space = torch.randn((30, dim), generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(seed)
    near = torch.randn((count, 30), generator=generator) @ space / 30**0.5
    return (near + 0.1 * torch.randn((count, dim), generator=generator)).half().float()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="cpu")
    device = parser.parse_args().device
    print(f"{'D':>5} {'M':>5} {'cdist ms':>10} {'search ms':>10} {'ratio':>7}")
    for dim in DIMENSIONS:
        queries = random_vectors(QUERIES, dim, 1).to(device)
        for count in VECTORS:
            vectors = random_vectors(count, dim, 2).to(device)
            by_cdist = 1000 * seconds(partial(plain, queries, vectors))
            by_search = 1000 * seconds(partial(exact_search, queries, vectors))
            ratio = by_cdist / by_search
            print(f"{dim:5} {count:5} {by_cdist:10.2f} {by_search:10.2f} {ratio:7.2f}")


if __name__ == "__main__":
    main()
