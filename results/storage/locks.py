"""A lock file per record, so that only one process computes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .files import storage_error


@contextmanager
def record_lock(final: Path, *, wait: bool, options: str | None = None) -> Iterator[bool]:
    """Hold the lock of a record while the `with` block runs.

    The operating system releases the lock when a process dies, so locks are never stale.

    Args:
        final: folder of the finished record.
        wait: wait until another process releases the lock.
        options: names of the options that choose another folder, for the error message; by
            default those of `storage_error`.

    Yields:
        True if the lock is held; False if another process holds it and `wait` is False.

    Raises:
        CadbenchError: the lock file cannot be written.
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
