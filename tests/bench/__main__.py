"""`python -m tests.bench`: run every benchmark on the synthetic dataset and random data."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from cadbench.benchmark.data.synthetic import ensure_generated
from cadbench.benchmark.system.cache import cache_root
from cadbench.benchmark.system.reporting import Silent

HERE = Path(__file__).parent


def main() -> None:
    images = ensure_generated(cache_root(), Silent()) / "bolt" / "train" / "good"
    for words in (
        ["coreset.py"],
        ["search.py"],
        ["extraction.py", str(images)],
        ["pixels.py"],
        ["sweep.py"],
        ["stages.py"],
        ["growth.py"],
        ["cost.py"],
        ["intervals.py"],
        ["manifest.py"],
        ["startup.py"],
    ):
        print(f"\n== {words[0]}", flush=True)
        # As `cadbench` sets it: waiting threads sleep.
        env = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}
        subprocess.run([sys.executable, str(HERE / words[0]), *words[1:]], check=True, env=env)


if __name__ == "__main__":
    main()
