"""Where the seconds of `cadbench run` go, stage by stage, on the CPU or on CUDA.

`python tests/bench/stages.py [--device cuda] [--seeds N] [--data-root FOLDER]` (default: the
synthetic set): one MECAD run of 5 experts, a sweep of 1 to 8 and all six methods, each a whole
process that starts with the features and what is remembered of the images, and nothing else. A
stage's seconds are those of the main thread less the stages inside it; before and after each, CUDA
is waited for. Pixel metrics are measured beside all that, and coresets selected ahead, each on a
thread of its own.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import cadbench
from cadbench.benchmark.system.cache import cache_root

from tests.bench.sweep import with_features_of

SIX = ("joint", "patchcore", "per_category", "mecad", "replay", "finetune")
RUNS = {
    "5 experts": ["--method", "mecad", "--experts", "5"],
    "1-8 experts": ["--method", "mecad", "--experts", "1-8"],
    "six methods": [word for name in SIX for word in ("--method", name)],
}


class Clock:
    """Seconds by stage, those of the stages inside not counted again."""

    def __init__(self, begun: float) -> None:
        self.seconds: Counter[str] = Counter()
        self._stages = ["start and imports"]
        self._since = begun

    def turn(self, stage: str | None) -> None:
        """Enter a stage, or leave the one that is on (None)."""
        _wait_for_cuda()
        now = time.time()
        self.seconds[self._stages[-1]] += now - self._since
        self._since = now
        if stage is None:
            self._stages.pop()
        else:
            self._stages.append(stage)

    def around(self, owner: Any, name: str, stage: str) -> None:
        """Count what a function takes as a stage."""
        inner: Callable[..., Any] = getattr(owner, name)

        @functools.wraps(inner)
        def counted(*args: Any, **options: Any) -> Any:
            self.turn(stage)
            try:
                return inner(*args, **options)
            finally:
                self.turn(None)

        setattr(owner, name, counted)


def _wait_for_cuda() -> None:
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "cuda") and torch.cuda.is_initialized():
        torch.cuda.synchronize()


def inside(begun: float, words: list[str]) -> None:
    """One run with its stages counted; prints them as JSON."""
    clock = Clock(begun)
    from cadbench.benchmark.features.feature_set import FeatureSet
    from cadbench.benchmark.pixels.meter import PixelMeter
    from cadbench.benchmark.running import recording, runner
    from cadbench.benchmark.running.checkpoint import Checkpoint
    from cadbench.benchmark.running.evaluation import batches as presentation
    from cadbench.benchmark.running.shared_inputs import SharedInputs
    from cadbench.benchmark.services.coresets.service import Coresets
    from cadbench.benchmark.services.neighbors import search
    from cadbench.benchmark.services.neighbors.service import Neighbors

    clock.around(SharedInputs, "prepare", "start and imports")
    clock.around(FeatureSet, "ensure", "extraction")
    clock.around(runner, "evaluate", "methods and evaluator")
    for name in ("select", "_select_rows", "reduce", "centroid"):
        clock.around(Coresets, name, "selection")
    clock.around(Neighbors, "min_distance", "cached distances")
    clock.around(search, "torch_search", "search")
    for name in ("_read", "_find"):
        clock.around(presentation, name, "reading features")
    clock.around(PixelMeter, "measure", "pixel metrics")
    clock.around(Checkpoint, "save", "checkpoints")
    clock.around(recording, "record", "records")
    clock.around(runner.Runner, "run", "records")  # what lies between cells is their bookkeeping
    sys.argv[1:] = words
    try:
        cadbench.main()
    finally:
        clock.turn("end")
        print(json.dumps(clock.seconds))


def seconds(words: list[str], cache: Path) -> Counter[str]:
    """The stages of a run in a process of its own, and its wall time under `in all`."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--inside", str(time.time()), "--"]
        start = time.time()
        done = subprocess.run(
            [*command, "run", "-q", "--out", folder, *words],
            check=True, text=True, stdout=subprocess.PIPE,
            env={**os.environ, "CADBENCH_CACHE": str(cache)},
        )  # fmt: skip
        found = Counter(json.loads(done.stdout.splitlines()[-1]))
        found["in all"] = time.time() - start
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seeds", default="0", help="of the six methods, such as 0-2")
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--inside", type=float, help=argparse.SUPPRESS)
    parser.add_argument("words", nargs="*", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        inside(given.inside, given.words)
        return
    root = given.data_root
    data = ["--dataset", "folder", "--data-root", str(root)] if root else ["--dataset", "synthetic"]
    data += ["--device", given.device]
    table: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "cache"
        with_features_of(cache_root(), cache)
        seconds([*data, "--method", "finetune"], cache)  # remembers the images under this path
        for name, words in RUNS.items():
            shutil.rmtree(cache / "coresets", ignore_errors=True)
            seeds = ["--seeds", given.seeds] if name == "six methods" else []
            table[name] = seconds([*data, *words, *seeds], cache)
    print(f"{'seconds, and share of a run':28}" + "".join(f"{name:>16}" for name in table))
    stages = {stage: None for found in table.values() for stage in found}
    for stage in sorted(stages, key=lambda stage: -table["1-8 experts"][stage]):
        shown = (f"{run[stage]:9.2f} {run[stage] / run['in all']:6.1%}" for run in table.values())
        print(f"{stage:28}" + "".join(shown))


if __name__ == "__main__":
    main()
