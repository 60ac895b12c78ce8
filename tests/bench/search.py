"""Neighbor search: the exact searches against a plain distance matrix, in one run.

`python tests/bench/search.py [--device cuda]`: queries are the 784 patches of eight images, in the
sizes that lite0 (152), the published embedding (1024) and plain concatenation (1536) give, against
the replayed part of a coreset (80), a coreset (400) and a whole bank (2400). All lie near a space
of 30 dimensions, as embeddings do. `bounded` is the default search where a nearer vector is known
for every query, as in a memory of which another block holds the nearest.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from cadbench.benchmark.services.neighbors.search import faiss_search, torch_search

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
        wait()
        start = time.perf_counter()
        run()
        wait()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def wait() -> None:
    """For CUDA, where there is one in use."""
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()


def drawn(count: int, dim: int, seed: int) -> torch.Tensor:
    """(count, dim) float16 values in float32."""
    space = torch.randn((30, dim), generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(seed)
    near = torch.randn((count, 30), generator=generator) @ space / 30**0.5
    return (near + 0.1 * torch.randn((count, dim), generator=generator)).half().float()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="cpu")
    device = parser.parse_args().device
    names = ["cdist", "torch", "bounded", *(["faiss"] if device == "cpu" else [])]
    ratios = "".join(f"{name + '/torch':>15}" for name in names if name != "torch")
    print(f"{'D':>5} {'M':>5}" + "".join(f"{name + ' ms':>11}" for name in names) + ratios)
    for dim in DIMENSIONS:
        queries = drawn(QUERIES, dim, 1).to(device)
        for count in VECTORS:
            vectors = drawn(count, dim, 2).to(device)
            bounds = torch_search(queries, [vectors])[0][0] * 0.8
            searches: dict[str, Callable[[], object]] = {
                "cdist": partial(plain, queries, [vectors]),
                "torch": partial(torch_search, queries, [vectors]),
                "bounded": partial(torch_search, queries, [vectors], bounds),
                "faiss": partial(faiss_search, queries, [vectors]),
            }
            took = {name: seconds(searches[name]) for name in names}
            shown = "".join(f"{1000 * taken:11.2f}" for taken in took.values())
            compared = (taken / took["torch"] for name, taken in took.items() if name != "torch")
            print(f"{dim:5} {count:5}{shown}" + "".join(f"{ratio:15.2f}" for ratio in compared))


if __name__ == "__main__":
    main()
