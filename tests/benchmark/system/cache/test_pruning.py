"""Which cache entries are deleted, in which order, and what protects the others."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cadbench.benchmark.system.cache.contents import KINDS, CacheEntry, list_entries
from cadbench.benchmark.system.cache.last_use import announce_process, find_users, mark_used
from cadbench.benchmark.system.cache.pruning import Pruning, plan_pruning, prune

HOUR, DAY = 3600.0, 86400.0


def add(cache: Path, name: str, *, age: float, size: int = 10) -> Path:
    """A file of the cache that was last used `age` seconds ago."""
    path = cache / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (time.time(), time.time() - age))
    return path


def cached(cache: Path) -> list[CacheEntry]:
    return list_entries(cache)


def pruned(cache: Path, **options: object) -> Pruning:
    return prune(cache, plan_pruning(cache, cached(cache), **options))  # type: ignore[arg-type]


def names(entries: tuple[CacheEntry, ...]) -> list[str]:
    return [entry.path.name for entry in entries]


def test_each_folder_is_a_kind_and_locks_are_no_entries(tmp_path):
    for folder in ("features/aa/bb", "pixels/aa/bb", "coresets", "distances/aa", "manifests"):
        add(tmp_path, f"{folder}/file", age=0)
    for folder in ("masks", "tuning", "looks", "synthetic-v1/gear", "libraries-0/numba/a"):
        add(tmp_path, f"{folder}/file", age=0)
    add(tmp_path, "synthetic-v1.lock", age=0)
    add(tmp_path, "coresets/.a.npy.12-34.partial", age=0)
    add(tmp_path, "synthetic-v1.99.partial/gear/file", age=0)
    announce_process(tmp_path)
    entries = cached(tmp_path)
    kinds = [entry.kind for entry in entries]
    assert set(kinds) == set(KINDS)
    assert kinds.count("leftovers") == 2
    assert len(entries) == len(KINDS) + 1
    assert list_entries(tmp_path / "missing") == []


def test_older_than_deletes_by_the_last_use(tmp_path):
    add(tmp_path, "features/a/b/old", age=40 * DAY)
    used = add(tmp_path, "coresets/used", age=40 * DAY)
    mark_used(used)
    add(tmp_path, "masks/newer", age=20 * DAY)
    assert names(pruned(tmp_path, older_than=30 * DAY).deleted) == ["old"]
    assert names(tuple(cached(tmp_path))) == ["newer", "used"]
    assert not (tmp_path / "features").exists()


def test_max_size_deletes_those_used_longest_ago_first(tmp_path):
    for days in (1, 2, 3, 4):
        add(tmp_path, f"features/a/{days}", age=days * DAY, size=100)
    done = pruned(tmp_path, max_size=250)
    assert names(done.deleted) == ["4", "3"]
    assert done.remaining == 200
    assert not pruned(tmp_path, max_size=250).deleted


def test_kinds_limit_both_what_is_deleted_and_what_is_counted(tmp_path):
    add(tmp_path, "features/a/f", age=3 * DAY, size=1000)
    add(tmp_path, "coresets/c", age=DAY, size=100)
    add(tmp_path, "coresets/.d.1-2.partial", age=DAY)
    assert not pruned(tmp_path, kinds=["coresets"], max_size=100).deleted
    assert names(pruned(tmp_path, kinds=["coresets"]).deleted) == ["c"]
    assert names(tuple(cached(tmp_path))) == ["f", ".d.1-2.partial"]


def test_caches_of_libraries_are_deleted_only_by_name(tmp_path):
    add(tmp_path, "libraries-0/numba/a.nbc", age=3 * DAY)
    assert not pruned(tmp_path, max_size=0).deleted
    assert names(pruned(tmp_path, kinds=["libraries"]).deleted) == ["a.nbc"]


def test_files_of_killed_processes_are_always_deleted(tmp_path):
    add(tmp_path, "coresets/.d.1-2.partial", age=2 * HOUR)
    add(tmp_path, "coresets/c", age=2 * HOUR)
    assert names(pruned(tmp_path, older_than=DAY).deleted) == [".d.1-2.partial"]


def test_an_entry_used_in_the_last_hour_is_kept(tmp_path):
    add(tmp_path, "coresets/new", age=HOUR / 2)
    done = pruned(tmp_path, max_size=0)
    assert not done.deleted
    assert names(done.recent) == ["new"]
    assert done.remaining == 10


def test_an_entry_used_after_the_listing_is_kept(tmp_path):
    path = add(tmp_path, "coresets/used", age=2 * DAY)
    plan = plan_pruning(tmp_path, cached(tmp_path), older_than=DAY)
    mark_used(path)
    done = prune(tmp_path, plan)
    assert not done.deleted
    assert done.remaining == 10
    assert path.exists()


def test_an_entry_deleted_by_another_process_is_no_error(tmp_path):
    path = add(tmp_path, "coresets/gone", age=2 * DAY)
    plan = plan_pruning(tmp_path, cached(tmp_path), older_than=DAY)
    path.unlink()
    assert not prune(tmp_path, plan).deleted


ANNOUNCE = """
import sys, time
from pathlib import Path
from cadbench.benchmark.system.cache import last_use
last_use.time.time = lambda: START
last_use.announce_process(Path(sys.argv[1]))
print("announced", flush=True)
sys.stdin.read()
"""


def test_what_a_running_process_has_used_is_kept_until_it_ends_or_is_killed(tmp_path):
    begun = time.time() - 5 * HOUR
    code = ANNOUNCE.replace("START", str(begun))
    pipe = subprocess.PIPE
    running = [
        subprocess.Popen([sys.executable, "-c", code, tmp_path], stdin=pipe, stdout=pipe)
        for _ in range(2)
    ]
    try:
        for process in running:
            assert process.stdout is not None
            assert process.stdout.readline() == b"announced\n"
        add(tmp_path, "features/a/before", age=6 * HOUR)
        add(tmp_path, "features/a/during", age=4 * HOUR)
        done = pruned(tmp_path, max_size=0)
        assert names(done.deleted) == ["before"]
        assert names(done.in_use) == ["during"]
        assert {user.pid for user in done.users} == {process.pid for process in running}
        running[0].communicate()  # it ends
        running[1].kill()
        running[1].communicate()
    finally:
        for process in running:
            process.kill()
            process.communicate()
    assert names(pruned(tmp_path, max_size=0).deleted) == ["during"]
    assert not find_users(tmp_path)
    assert not list(tmp_path.rglob("*.lock"))


def test_synthetic_images_are_deleted_unless_they_are_being_generated(tmp_path):
    from filelock import FileLock

    add(tmp_path, "synthetic-v1/gear/0.png", age=DAY)
    os.utime(tmp_path / "synthetic-v1", (0, time.time() - DAY))
    with FileLock(tmp_path / "synthetic-v1.lock"):
        assert not pruned(tmp_path, older_than=HOUR).deleted
    assert (tmp_path / "synthetic-v1" / "gear" / "0.png").exists()
    (entry,) = pruned(tmp_path, older_than=HOUR).deleted
    assert (entry.kind, entry.size, entry.files) == ("synthetic", 10, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["synthetic-v1.lock"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_cache_that_cannot_be_written_can_be_used(tmp_path):
    tmp_path.chmod(0o500)
    announce_process(tmp_path)
    mark_used(tmp_path / "missing")
