"""One process at a time works on a record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .files import OPTIONS, storage_error


@contextmanager
def record_lock(final: Path, *, wait: bool, options: str = OPTIONS) -> Iterator[bool]:
    """Hold the lock of the record `final`; False where another process has it and not `wait`.

    options: see `storage_error`. The operating system drops the lock of a process that dies, so
    none is ever stale.
    """
    from filelock import FileLock, Timeout

    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(final.with_name(f".{final.name}.lock"))
        try:
            lock.acquire(timeout=-1 if wait else 0)
        except Timeout:
            yield False
            return
    except OSError as error:
        raise storage_error(error, final, options) from error
    try:
        yield True
    finally:
        lock.release()
