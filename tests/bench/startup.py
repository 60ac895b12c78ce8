"""Startup time of commands that do little work.

`python tests/bench/startup.py [--out RUNS]` prints wall seconds of processes, medians of five,
against a Python that does nothing.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

REPEATS = 5


def seconds(*command: str) -> float:
    """Median wall time of a process."""
    times = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        subprocess.run(command, check=False, capture_output=True)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", default="runs", help="records for the leaderboard")
    out = parser.parse_args().out
    python = sys.executable
    idle = seconds(python, "-c", "pass")
    print(f"{'python -c pass':28} {idle:6.3f} s")
    for words in (["--help"], ["run", "--help"], ["methods"], ["leaderboard", "--out", out]):
        took = seconds(python, "-m", "cadbench", *words)
        print(f"{'cadbench ' + ' '.join(words[:2]):28} {took:6.3f} s  {took / idle:5.1f} x")


if __name__ == "__main__":
    main()
