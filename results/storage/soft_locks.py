"""Locks for file systems without `flock`: a file that names its holder.

The file is created exclusively, so one process holds the lock. A killed process leaves its file,
and the next one removes it: at once if the holder ran on the same machine, else when the holder has
not touched its file for a while. filelock has two locks of this kind: one recovers only from
processes of the same machine, the other only by waiting, and both write the name of the host.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_POLL = 0.2
"""Seconds between two attempts."""
_TOUCH = 15.0
"""Seconds after which a holder touches its file."""
_EXPIRES = 300.0
"""Seconds without a touch after which the file of another machine's process is ignored."""


@contextlib.contextmanager
def soft_lock(path: Path, *, wait: bool) -> Iterator[bool]:
    """Hold the lock file `path` while the block runs.

    Args:
        path: the file; its folder exists.
        wait: wait until another process releases the lock.

    Yields:
        True if the lock is held; False if another process holds it and `wait` is False.

    Raises:
        OSError: the file cannot be written.
    """
    holder = _describe_process(os.getpid())
    while not _create(path, holder):
        if _is_abandoned(path):
            _remove_abandoned(path)
        elif not wait:
            yield False
            return
        else:
            time.sleep(_POLL)
    released = threading.Event()
    touching = threading.Thread(target=_touch_until, args=(path, released), daemon=True)
    touching.start()
    try:
        yield True
    finally:
        released.set()
        touching.join()
        if _read(path) == holder:
            path.unlink(missing_ok=True)


def _create(path: Path, holder: dict[str, Any]) -> bool:
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    except FileExistsError:
        return False
    with open(descriptor, "wb") as file:
        file.write(json.dumps(holder).encode())
    return True


def _is_abandoned(path: Path) -> bool:
    try:
        touched = path.stat().st_mtime
    except FileNotFoundError:
        return False
    holder = _read(path)
    if holder is not None and holder.get("machine") == _machine():
        return holder != _describe_process(int(holder.get("process", 0)))
    # An empty file has just been created, or its creator was killed at that moment.
    return _time_of_folder(path.parent) - touched > _EXPIRES


def _remove_abandoned(path: Path) -> None:
    """Remove the file, unless another process has removed it and created its own since."""
    aside = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with contextlib.suppress(FileNotFoundError):
        path.rename(aside)
        if _is_abandoned(aside):
            aside.unlink()
        else:
            with contextlib.suppress(OSError):
                os.link(aside, path)
            aside.unlink()


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _describe_process(process: int) -> dict[str, Any]:
    """What identifies a process: a later one may have the same id, but began at another time."""
    return {"machine": _machine(), "process": process, "began": _began(process)}


def _began(process: int) -> str | None:
    """When a process began; None if it has ended."""
    try:
        # The name of the program is in parentheses and may hold spaces.
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return None if fields[0] in ("Z", "X") else fields[19]
    except (OSError, IndexError):
        pass
    if os.path.exists("/proc/self/stat"):
        return None
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return "running"
    return "running"


def _machine() -> str:
    """What a process id is unique in: the machine, or the container. Hashed, as it names a host."""
    parts = [socket.gethostname()]
    for file in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        with contextlib.suppress(OSError):
            parts.append(os.readlink(file) if file.endswith("pid") else Path(file).read_text())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _time_of_folder(folder: Path) -> float:
    """The time by the clock of the file system, which may be another machine's."""
    probe = folder / f".clock-{secrets.token_hex(4)}.partial"
    probe.touch()
    try:
        return probe.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)


def _touch_until(path: Path, released: threading.Event) -> None:
    while not released.wait(_TOUCH):
        with contextlib.suppress(OSError):
            os.utime(path)
