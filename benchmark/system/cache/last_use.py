"""When cache entries were last used, and which processes are using the cache.

The modification time of an entry is the time of its last use: every process sets it when it reads
or writes the entry. Access times are not usable, because file systems record them at most once per
day (`relatime`) or never (`noatime`).
"""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import secrets
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from ....results.errors import CadbenchError
from ....results.storage.locks import file_lock

FOLDER = "processes"
"""Folder of the lock files of running processes, in the cache folder."""

_announced: dict[tuple[int, Path], contextlib.ExitStack] = {}
_announcing = threading.Lock()


@dataclass(frozen=True)
class CacheUser:
    """A running process that uses the cache.

    Attributes:
        pid: its process id.
        host: the machine that it runs on.
        since: when it started to use the cache, in seconds since the epoch.
    """

    pid: int
    host: str
    since: float

    def __str__(self) -> str:
        where = "" if self.host == _host() else f" on {self.host}"
        return f"process {self.pid}{where}"


def mark_used(path: Path) -> None:
    """Set the time of the last use of an entry to now; a missing or read-only one is ignored."""
    with contextlib.suppress(OSError):
        os.utime(path)


def announce_process(cache: Path) -> None:
    """Announce that this process uses the cache until it ends.

    Until then, pruning keeps every entry that was used after this call. The lock is released by the
    operating system if the process is killed. Nothing happens if the cache is not writable.
    """
    announcement = (os.getpid(), cache)
    # The start is in the name, because locking a file changes its modification time.
    name = f"{int(time.time())}-{os.getpid()}-{secrets.token_hex(4)}-{_host()}.lock"
    with _announcing, contextlib.suppress(CadbenchError):
        if announcement in _announced:
            return
        with contextlib.ExitStack() as stack:
            lock = cache / FOLDER / name
            stack.enter_context(file_lock(lock, wait=True))
            stack.callback(lock.unlink, missing_ok=True)
            _announced[announcement] = stack.pop_all()
        atexit.register(_withdraw, announcement)


def find_users(cache: Path) -> list[CacheUser]:
    """The running processes that use the cache; lock files of killed processes are deleted."""
    users = []
    for file in sorted((cache / FOLDER).glob("*.lock")):
        match = re.fullmatch(r"(\d+)-(\d+)-[0-9a-f]+-(.*)\.lock", file.name)
        if match is None:
            continue
        user = CacheUser(int(match[2]), match[3], float(match[1]))
        try:
            with file_lock(file, wait=False) as released:
                # A file this new may belong to a process that has not locked it yet.
                if not released or time.time() - user.since < 60:
                    users.append(user)
                else:
                    file.unlink(missing_ok=True)
        except (CadbenchError, OSError):
            users.append(user)
    return users


def _withdraw(announcement: tuple[int, Path]) -> None:
    if announcement[0] == os.getpid() and (lock := _announced.pop(announcement, None)):
        with contextlib.suppress(OSError):
            lock.close()


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", socket.gethostname())
