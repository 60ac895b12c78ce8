"""Delete cache entries, those used longest ago first, while other processes may be running.

An entry is kept if it was used in the last hour, or after one of the running processes announced
itself. A process that finds an entry deleted computes it again.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from ....results.storage.files import storage_error
from ....results.storage.locks import file_lock
from .contents import CacheEntry
from .last_use import CacheUser, find_users

RECENT = 3600.0
"""Seconds for which an entry is kept after each use."""

_CLOCK_DIFFERENCE = 60.0
"""Seconds by which the clocks of machines that share the cache may differ."""

_ALWAYS = ("leftovers",)
"""Kinds that are deleted whatever their age, unless other kinds are named."""

_ON_REQUEST = ("libraries",)
"""Kinds that are deleted only if they are named."""


@dataclass(frozen=True)
class Pruning:
    """What a pruning deletes and keeps.

    Attributes:
        deleted: the entries to delete, or those that were deleted.
        recent: entries that would be deleted, but were used in the last hour.
        in_use: entries that would be deleted, but a running process may be using them.
        remaining: bytes of the selected kinds that are left.
        users: the running processes.
    """

    deleted: tuple[CacheEntry, ...]
    recent: tuple[CacheEntry, ...]
    in_use: tuple[CacheEntry, ...]
    remaining: int
    users: tuple[CacheUser, ...]


def plan_pruning(
    cache: Path,
    entries: Iterable[CacheEntry],
    *,
    kinds: Collection[str] = (),
    older_than: float | None = None,
    max_size: int | None = None,
) -> Pruning:
    """Choose the entries to delete.

    Args:
        cache: the cache folder.
        entries: its entries.
        kinds: delete only entries of these kinds; empty for all but those of libraries.
        older_than: delete entries that were not used for so many seconds. If this and `max_size`
            are None, all entries of the kinds are deleted.
        max_size: then delete entries until at most so many bytes are left.
    """
    now, users = time.time(), find_users(cache)
    started = min((user.since for user in users), default=now) - _CLOCK_DIFFERENCE
    selected = [e for e in entries if e.kind in kinds or not (kinds or e.kind in _ON_REQUEST)]
    selected.sort(key=lambda entry: entry.used)
    size = sum(entry.size for entry in selected)
    parts: dict[str, list[CacheEntry]] = {"deleted": [], "recent": [], "in_use": []}
    for entry in selected:
        age = now - entry.used
        too_old = older_than is not None and age > older_than
        too_large = max_size is not None and size > max_size
        everything = older_than is None and max_size is None
        if not (too_old or too_large or everything or entry.kind in _ALWAYS):
            continue
        part = "recent" if age < RECENT else "in_use" if entry.used >= started else "deleted"
        parts[part].append(entry)
        if part == "deleted":
            size -= entry.size
    deleted, recent, in_use = (tuple(part) for part in parts.values())
    return Pruning(deleted, recent, in_use, size, tuple(users))


def prune(cache: Path, plan: Pruning) -> Pruning:
    """Delete the entries of a plan, except those that were used after it was made.

    Raises:
        CadbenchError: a file cannot be deleted.
    """
    deleted = []
    for entry in plan.deleted:
        try:
            if _unchanged(entry) and _delete(entry):
                deleted.append(entry)
        except FileNotFoundError:  # another process has deleted it
            continue
        except OSError as error:
            raise storage_error(error, entry.path, "CADBENCH_CACHE") from error
    if not find_users(cache):
        _remove_empty_folders(cache)
    kept = sum(e.size for e in plan.deleted) - sum(e.size for e in deleted)
    return replace(plan, deleted=tuple(deleted), remaining=plan.remaining + kept)


def _unchanged(entry: CacheEntry) -> bool:
    """Whether the entry was not used since it was listed."""
    return os.stat(entry.path).st_mtime == entry.used


def _delete(entry: CacheEntry) -> bool:
    """Delete an entry atomically, so that no process sees a part of it; return whether it did."""
    if not entry.path.is_dir():
        entry.path.unlink()
        return True
    # The folder of the synthetic images; another process may be deleting it too.
    lock = entry.path.with_name(f"{entry.path.name.partition('.')[0]}.lock")
    with file_lock(lock, wait=False, options="CADBENCH_CACHE") as held:
        if not held:
            return False
        renamed = entry.path
        if not renamed.name.endswith(".partial"):
            renamed = entry.path.with_name(f"{entry.path.name}.{os.getpid()}.partial")
            os.replace(entry.path, renamed)
        shutil.rmtree(renamed)
    return True


def _remove_empty_folders(cache: Path) -> None:
    for folder, _, _ in os.walk(cache, topdown=False):
        if Path(folder) != cache:
            with contextlib.suppress(OSError):  # it is not empty
                os.rmdir(folder)
