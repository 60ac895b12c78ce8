"""Where the seconds of `cadbench run` go, stage by stage, on the CPU or on CUDA.

`python tests/bench/stages.py [--device cuda] [--seeds N] [--data-root FOLDER]` (default: the
synthetic dataset) runs MECAD with 5 experts, a sweep of 1 to 8 and all six methods, each in its own
process. Features and manifests are cached, coresets and distances are not. The seconds of a stage
do not include those of the stages inside it; before and after each stage, CUDA is synchronized.
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

from cadbench.benchmark.system.cache import cache_root

from tests.bench.sweep import with_features_of

SIX = ("joint", "patchcore", "per_category", "mecad", "replay", "finetune")
RUNS = {
    "5 experts": ["--method", "mecad", "--experts", "5"],
    "1-8 experts": ["--method", "mecad", "--experts", "1-8"],
    "six methods": [word for name in SIX for word in ("--method", name)],
}


class Clock:
    """Seconds by stage, without the stages inside it."""

    def __init__(self, started: float) -> None:
        self.seconds: Counter[str] = Counter()
        self._stages = ["start and imports"]
        self._since = started

    def switch(self, stage: str | None) -> None:
        """Enter a stage, or leave the current one (None)."""
        _wait_for_cuda()
        now = time.time()
        self.seconds[self._stages[-1]] += now - self._since
        self._since = now
        if stage is None:
            self._stages.pop()
        else:
            self._stages.append(stage)

    def wrap(self, owner: Any, name: str, stage: str) -> None:
        """Count the calls of a function as a stage."""
        inner: Callable[..., Any] = getattr(owner, name)

        @functools.wraps(inner)
        def counted(*args: Any, **options: Any) -> Any:
            self.switch(stage)
            try:
                return inner(*args, **options)
            finally:
                self.switch(None)

        setattr(owner, name, counted)


def _wait_for_cuda() -> None:
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "cuda") and torch.cuda.is_initialized():
        torch.cuda.synchronize()


def run_with_clock(started: float, words: list[str]) -> None:
    """Run a command in this process and print the seconds of its stages as JSON."""
    clock = Clock(started)
    from cadbench.__main__ import main as run_cadbench
    from cadbench.benchmark.features.feature_set import FeatureSet
    from cadbench.benchmark.pixels.meter import PixelMeter
    from cadbench.benchmark.running import recording, runner
    from cadbench.benchmark.running.checkpoint import Checkpoint
    from cadbench.benchmark.running.evaluation import batches
    from cadbench.benchmark.running.shared_inputs import SharedInputs
    from cadbench.benchmark.services.coresets.service import Coresets
    from cadbench.benchmark.services.neighbors import search
    from cadbench.benchmark.services.neighbors.service import Neighbors

    clock.wrap(SharedInputs, "prepare", "start and imports")
    clock.wrap(FeatureSet, "ensure", "extraction")
    clock.wrap(runner, "evaluate", "methods and evaluator")
    for name in ("select", "_select_rows", "reduce", "centroid"):
        clock.wrap(Coresets, name, "selection")
    clock.wrap(Neighbors, "min_distance", "cached distances")
    clock.wrap(search, "exact_search", "search")
    for name in ("_read", "_find"):
        clock.wrap(batches, name, "reading features")
    clock.wrap(PixelMeter, "measure", "pixel metrics")
    clock.wrap(Checkpoint, "save", "checkpoints")
    clock.wrap(recording, "record", "records")
    clock.wrap(runner.Runner, "run", "records")  # bookkeeping between cells
    sys.argv[1:] = words
    try:
        run_cadbench()
    finally:
        clock.switch("end")
        print(json.dumps(clock.seconds))


def seconds(words: list[str], cache: Path) -> Counter[str]:
    """The stages of a run in its own process, and its wall time as `total`."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--inside", str(time.time()), "--"]
        start = time.time()
        done = subprocess.run(
            [*command, "run", "-q", "--out", folder, *words],
            check=True, text=True, stdout=subprocess.PIPE,
            env={**os.environ, "CADBENCH_CACHE": str(cache)},
        )  # fmt: skip
        found = Counter(json.loads(done.stdout.splitlines()[-1]))
        found["total"] = time.time() - start
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
        run_with_clock(given.inside, given.words)
        return
    root = given.data_root
    data = ["--dataset", "folder", "--data-root", str(root)] if root else ["--dataset", "synthetic"]
    data += ["--device", given.device]
    table: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "cache"
        with_features_of(cache_root(), cache)
        seconds([*data, "--method", "finetune"], cache)  # writes the manifest under this path
        for name, words in RUNS.items():
            shutil.rmtree(cache / "coresets", ignore_errors=True)
            seeds = ["--seeds", given.seeds] if name == "six methods" else []
            table[name] = seconds([*data, *words, *seeds], cache)
    print(f"{'seconds, and share of a run':28}" + "".join(f"{name:>16}" for name in table))
    stages = {stage: None for found in table.values() for stage in found}
    for stage in sorted(stages, key=lambda stage: -table["1-8 experts"][stage]):
        cells = (f"{run[stage]:9.2f} {run[stage] / run['total']:6.1%}" for run in table.values())
        print(f"{stage:28}" + "".join(cells))


if __name__ == "__main__":
    main()
