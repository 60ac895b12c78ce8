"""The cost of a sweep: 1 to 8 experts in one run, against single runs.

`python tests/bench/sweep.py [--data-root FOLDER]` (default: the synthetic dataset). Features and
manifests are cached; every process computes coresets and distances.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cadbench.benchmark.system.cache import cache_root


def with_features_of(shared: Path, cache: Path) -> None:
    """Make a cache with everything of `shared` except its coresets."""
    cache.mkdir()
    for entry in shared.iterdir():
        if entry.name != "coresets":
            (cache / entry.name).symlink_to(entry)


def seconds(words: list[str], cache: Path) -> float:
    """Wall time of one `cadbench run` without cached coresets."""
    shutil.rmtree(cache / "coresets", ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "cadbench", "run", "-q", "--out", folder, *words]
        start = time.perf_counter()
        subprocess.run(
            command,
            check=True,
            capture_output=True,
            env={**os.environ, "CADBENCH_CACHE": str(cache)},
        )
        return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data-root", type=Path)
    root = parser.parse_args().data_root
    data = ["--dataset", "folder", "--data-root", str(root)] if root else ["--dataset", "synthetic"]
    shared = cache_root()
    mecad = ["--method", "mecad", "--experts"]
    subprocess.run(  # extracts what is missing
        [sys.executable, "-m", "cadbench", "run", "-q", *data, "--method", "finetune",
         "--out", str(shared / "bench-runs")],
        check=True,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "cache"
        with_features_of(shared, cache)
        seconds([*data, "--method", "finetune"], cache)  # writes the manifest under this path
        single = seconds([*data, *mecad, "5"], cache)
        sweep = seconds([*data, *mecad, "1-8"], cache)
        separate = sum(seconds([*data, *mecad, str(n)], cache) for n in range(1, 9))
    print(f"one run of 5 experts        {single:7.1f} s")
    print(f"a sweep of 1 to 8           {sweep:7.1f} s  {sweep / single:5.2f} x one run")
    print(f"eight single runs           {separate:7.1f} s  {separate / sweep:5.2f} x the sweep")


if __name__ == "__main__":
    main()
