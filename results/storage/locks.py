"""Lock files, so that only one process computes a record or writes a folder."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from .files import storage_error

_NO_FLOCK = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL)


@contextmanager
def record_lock(final: Path, *, wait: bool, options: str | None = None) -> Iterator[bool]:
    """Hold the lock of a record while the `with` block runs.

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
    with file_lock(final.with_name(f".{final.name}.lock"), wait=wait, options=options) as held:
        yield held


@contextmanager
def file_lock(path: Path, *, wait: bool, options: str | None = None) -> Iterator[bool]:
    """Hold a lock file while the `with` block runs; see `record_lock`.

    The operating system releases the lock when a process dies. Where the file system has no
    `flock`, see `soft_locks`.
    """
    with contextlib.ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = _native_lock if _has_flock(path.parent) else _lock_without_flock
            held = stack.enter_context(lock(path, wait))
        except OSError as error:
            raise storage_error(error, path, options) from error
        yield held


@contextmanager
def _native_lock(path: Path, wait: bool) -> Iterator[bool]:
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    try:
        lock.acquire(timeout=-1 if wait else 0)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _lock_without_flock(path: Path, wait: bool) -> AbstractContextManager[bool]:
    from .soft_locks import soft_lock

    return soft_lock(path.with_name(f"{path.name}-holder"), wait=wait)


def _has_flock(folder: Path) -> bool:
    """Whether the file system of a folder supports `flock`: some network file systems do not."""
    try:
        import fcntl
    except ImportError:  # Windows, where filelock uses another call
        return True
    # A file of its own, because locking the real one could make another process fail.
    probe = folder / f".probe-{secrets.token_hex(4)}.partial"
    descriptor = os.open(probe, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        probe.unlink()
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in _NO_FLOCK
    finally:
        os.close(descriptor)
    return True
