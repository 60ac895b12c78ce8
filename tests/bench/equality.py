"""Compare the records of two versions of cadbench: `python -m tests.bench.equality OLD NEW`.

OLD and NEW are `--out` folders in which the same cells were run. For each record it compares the
key, the bytes of every table and of the maps, and, if metrics.parquet has more rows in NEW, the
values of the rows that OLD has, bit by bit. It prints one line per method; exit code 1 means a
difference.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

BYTES = ("scores.parquet", "memory.parquet", "events.parquet", "maps.npy")


def main(old: Path, new: Path) -> int:
    """Print the comparison; return the exit code."""
    equal: Counter[tuple[str, str]] = Counter()
    different: list[str] = []
    records = sorted(file.parent.relative_to(old) for file in old.rglob("run.json"))
    for record in records:
        method = json.loads((old / record / "run.json").read_text())["cell"]["method"]["name"]
        found = list(differences(old / record, new / record))
        different += [f"{record}: {name}" for name in found]
        equal[method, "equal" if not found else "different"] += 1
    for method in sorted({name for name, _ in equal}):
        print(
            f"{method:24} {equal[method, 'equal']:4} equal {equal[method, 'different']:4} different"
        )
    print(f"{len(records)} records; {len(different)} differences")
    print(*different, sep="\n")
    return 1 if different or not records else 0


def differences(old: Path, new: Path) -> Iterator[str]:
    """Names of what differs between two records of one cell."""
    if not (new / "run.json").exists():
        yield "missing"
        return
    for name in ("cell", "key"):
        if (
            json.loads((old / "run.json").read_text())[name]
            != json.loads((new / "run.json").read_text())[name]
        ):
            yield name
    for name in BYTES:
        present = [(folder / name).exists() for folder in (old, new)]
        if present[0] != present[1] or (
            present[0] and (old / name).read_bytes() != (new / name).read_bytes()
        ):
            yield name
    if not _metrics_equal(old / "metrics.parquet", new / "metrics.parquet"):
        yield "metrics.parquet"


def _metrics_equal(old: Path, new: Path) -> bool:
    if old.read_bytes() == new.read_bytes():
        return True
    before, after = pd.read_parquet(old), pd.read_parquet(new)
    after = after[after["metric"].isin(set(before["metric"]))].reset_index(drop=True)
    values = [frame["value"].to_numpy(dtype=np.float64).view(np.int64) for frame in (before, after)]
    return before.drop(columns="value").equals(after.drop(columns="value")) and np.array_equal(
        *values
    )


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), Path(sys.argv[2])))
