"""`python -m tests.bench`: run every benchmark on the synthetic dataset and random data."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from cadbench import open_dataset

HERE = Path(__file__).parent


def main() -> None:
    manifest = open_dataset("synthetic", categories=["bolt"])
    files = [manifest.root / item.path for item in manifest.train("bolt")]  # draws them
    images = files[0].parent
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
