"""The campaign of faults: every one tried as often as it says, and one table of what it did.

    python -m tests.faults [--quick] [--seed N] [WORD...]

WORD: only parts whose name holds it. Standard error gets what went wrong, in full. The exit code is
1 where something was lost, wrong or unclear.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tests.faults import (
    concurrency,
    damage,
    disks,
    images,
    kills,
    memory,
    ray_cluster,
    surroundings,
    two_users,
)
from tests.faults.stage import Stage, staging
from tests.faults.verdict import Row, table

Part = Callable[[Stage, bool, int], Iterator[Row]]
"""(stage, quick, seed) -> rows; quick: a few tries of each."""

PARTS: Mapping[str, Part] = {
    "kills": lambda stage, quick, seed: kills.kills(
        stage, 1 if quick else 8, seed, kills.QUICK_PHASES if quick else kills.PHASES
    ),
    "kills-import": lambda stage, quick, seed: kills.kills_of_imports(
        stage, 1 if quick else 12, seed
    ),
    "kills-write": lambda stage, quick, seed: kills.kills_in_writes(
        stage, 1 if quick else 12, seed
    ),
    "kills-outside": lambda stage, quick, seed: kills.kills_from_outside(stage, 4, seed),
    "concurrency": lambda stage, quick, seed: concurrency.concurrent_runs(stage, 3, seed),
    "locks": lambda stage, quick, seed: concurrency.stale_locks(stage, 1 if quick else 5),
    "damage-caches": lambda stage, quick, seed: damage.damaged_caches(stage, 1, seed),
    "damage-checkpoints": lambda stage, quick, seed: damage.damaged_checkpoints(stage, 1, seed),
    "damage-records": lambda stage, quick, seed: damage.damaged_records(stage, 1, seed),
    "damage-exports": lambda stage, quick, seed: damage.damaged_exports(stage, 2, seed),
    "disks-full": lambda stage, quick, seed: disks.full_disks(stage, 16, seed),
    "disks-limit": lambda stage, quick, seed: disks.large_files(stage, 2 if quick else 12, seed),
    "disks-exports": lambda stage, quick, seed: disks.full_exports(stage),
    "disks-read-only": lambda stage, quick, seed: disks.read_only(stage),
    "disks-vanish": lambda stage, quick, seed: disks.vanishing(stage),
    "workers": lambda stage, quick, seed: images.killed_workers(stage, 3, seed),
    "images-change": lambda stage, quick, seed: images.changing_images(stage, seed),
    "images-replaced": lambda stage, quick, seed: images.replaced_images(stage, 2, seed),
    "streams": lambda stage, quick, seed: surroundings.broken_streams(stage, quick),
    "flock": lambda stage, quick, seed: surroundings.no_flock(stage, 1 if quick else 4),
    "methods": lambda stage, quick, seed: surroundings.hostile_methods(stage, quick),
    "helpers": lambda stage, quick, seed: surroundings.dead_helpers(stage, 3),
    "users": lambda stage, quick, seed: two_users.two_users(stage),
    "ray": lambda stage, quick, seed: ray_cluster.ray_faults(stage, 20 if quick else 200),
    "memory": lambda stage, quick, seed: memory.no_memory(stage, 2, seed),
}
ROOT_ONLY = ("disks-full", "disks-exports", "users")
"""What needs a file system to be mounted, or several users."""
QUICK = ("kills", "kills-import", "kills-write", "locks", "disks-limit")
"""Parts that a quick campaign takes."""


def campaign(root: Path, parts: Mapping[str, Part], *, quick: bool, seed: int) -> Iterator[Row]:
    """The rows of these parts, one after another; what they leave lies in `root`."""
    with staging(root) as stage:
        for name, part in parts.items():
            if name in ROOT_ONLY and not disks.can_mount():
                print(f"{name}: not tried, it needs root", file=sys.stderr)
                continue
            if name == "ray" and importlib.util.find_spec("ray") is None:
                print("ray: not tried, Ray is not installed", file=sys.stderr)
                continue
            yield from part(stage, quick, seed)


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.faults")
    parser.add_argument("words", nargs="*", metavar="WORD")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    names = QUICK if given.quick else PARTS
    parts = {name: PARTS[name] for name in names
             if not given.words or any(word in name for word in given.words)}  # fmt: skip
    began, rows = time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="cadbench-faults-") as folder:
        at = began
        for row in campaign(Path(folder), parts, quick=given.quick, seed=given.seed):
            now = time.monotonic()
            print(f"{row.fault}: {row.tried} tried, {now - at:.0f} s", file=sys.stderr)
            at = now
            for note in row.notes:
                print(f"    {note}", file=sys.stderr)
            rows.append(row)
    print(table(rows))
    killed = sum(row.kills for row in rows)
    print(f"\n{killed} processes were killed; {time.monotonic() - began:.0f} s in all")
    return 0 if all(row.clean for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
