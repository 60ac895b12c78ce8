"""Time exact coreset selection against the plain loop.

`python tests/bench/coreset.py [--device cuda]` prints the seconds of both, their ratio, and how
many picks of the plain float32 loop are the exact ones. Features are clustered random numbers, or
those of `--features FILE.npy` (N, D), for example of a real category. Small selections are then
timed in two modes: all patches active, or in rounds.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cadbench.benchmark.services.coresets import farthest_first
from cadbench.benchmark.services.coresets.k_center import greedy_k_center, nearest_to_mean


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--picks", default="400,2508", help="coreset sizes, comma-separated")
    parser.add_argument("--features", type=Path, help="a .npy file (N, D) instead of random ones")
    parser.add_argument("--threads", type=int, default=2, help="of the plain loop")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    patches = np.load(args.features) if args.features else clustered(250_880, 152)
    features = patches if args.device == "cpu" else torch.from_numpy(patches).to(args.device)
    start = nearest_to_mean(features)
    print(
        f"{patches.shape[0]} x {patches.shape[1]} {patches.dtype} on {args.device}; "
        f"on the CPU exact on one thread, the plain loop on {args.threads}"
    )
    print(f"{'picks':>6} {'exact s':>8} {'plain s':>8} {'ratio':>6}  same picks")
    greedy_k_center(features[:1000], 10, 0)  # imports and compiles
    for size in map(int, args.picks.split(",")):
        plain_loop(features, 2, start)
        before, picks = timed(lambda k=size: greedy_k_center(features, k, start))
        plain, plain_picks = timed(lambda k=size: plain_loop(features, k, start))
        after, _ = timed(lambda k=size: greedy_k_center(features, k, start))
        exact = (before + after) / 2
        agreement = agreement_of(patches, picks, plain_picks)
        print(f"{size:>6} {exact:>8.2f} {plain:>8.2f} {plain / exact:>6.1f}  {agreement}")
    small_selections(patches, args.device)


def small_selections(patches: np.ndarray, device: str) -> None:
    """Milliseconds of small selections; the fastest of ten runs per mode."""
    print(f"{'patches':>7} {'picks':>6} {'all active ms':>13} {'rounds ms':>10} {'ratio':>6}")
    rng = np.random.default_rng(0)
    for count, size in ((100, 50), (400, 100), (400, 300)):
        sample = patches[np.sort(rng.choice(len(patches), count, replace=False))]
        some = sample if device == "cpu" else torch.from_numpy(sample).to(device)
        sizes = farthest_first.SIZES[device]
        seconds: dict[int, list[float]] = {sizes.all_active: [], 0: []}
        select = partial(greedy_k_center, some, size, 0)
        for _ in range(10):
            for values, times in seconds.items():
                changed = {device: replace(sizes, all_active=values)}
                with patch.dict(farthest_first.SIZES, changed):
                    times.append(timed(select)[0])
        active, rounds = (1e3 * min(times) for times in seconds.values())
        print(f"{count:>7} {size:>6} {active:>13.1f} {rounds:>10.1f} {rounds / active:>6.1f}")


def clustered(count: int, dim: int) -> np.ndarray:
    """Patches around 200 centers of unequal weight, float16."""
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(200, dim))
    weights = rng.dirichlet(np.full(200, 0.3))
    spread = rng.gamma(2.0, 0.2, size=(count, 1))
    member = rng.choice(200, size=count, p=weights)
    noise = rng.normal(size=(count, dim)).astype(np.float32)
    return (centers[member] + spread * noise).astype(np.float16)


def plain_loop(patches: np.ndarray | torch.Tensor, k: int, start: int) -> np.ndarray:
    """Greedy selection with one matrix-vector product per pick, in float32."""
    rows = torch.as_tensor(patches).float()
    squares = rows.square().sum(1)
    nearest = torch.full_like(squares, torch.inf)
    picks = [start]
    while True:
        center = picks[-1]
        distances = squares + squares[center] - 2 * (rows @ rows[center])
        torch.minimum(nearest, distances, out=nearest)
        if len(picks) == k:
            return np.array(picks)
        picks.append(int(nearest.argmax()))


def timed(work: Callable[[], np.ndarray]) -> tuple[float, np.ndarray]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def agreement_of(patches: np.ndarray, exact: np.ndarray, plain: np.ndarray) -> str:
    """Whether the picks are the same; if not, how close the first two different ones are."""
    differing = np.flatnonzero(exact != plain)
    if not len(differing):
        return "all"
    first = int(differing[0])
    centers = patches[exact[:first]].astype(np.float64)
    rivals = patches[[exact[first], plain[first]]].astype(np.float64)
    distances = np.sqrt([((centers - rival) ** 2).sum(1).min() for rival in rivals])
    gap = (distances[0] - distances[1]) / distances[0]
    return f"the first {first}; then {gap:.0e} (relative) nearer"


if __name__ == "__main__":
    main()
