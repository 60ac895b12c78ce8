"""Atomic file writes: a reader sees the old content or the new content, never a part of it."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

from ..errors import CadbenchError


@contextlib.contextmanager
def whole_file(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Yield a temporary path in the same folder, and rename it to `path` on success.

    Args:
        path: the file to create or replace. Missing parent folders are created.
        durable: flush the bytes to the disk before the rename. Records need this; caches can be
            rebuilt.

    Raises:
        CadbenchError: the disk is full, the folder cannot be written to, or `path` is a folder or
            a device. The temporary file is removed.
    """
    try:
        replaceable = not path.exists() or path.is_file()
    except OSError as error:
        raise storage_error(error, path) from error
    if not replaceable:  # the rename would replace `/dev/null` itself
        raise CadbenchError(f"cannot write {path}: it is a folder, device or pipe, not a file")
    partial = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        if durable:
            with open(partial, "rb") as handle:
                os.fsync(handle.fileno())
        os.replace(partial, path)
    except OSError as error:
        raise storage_error(error, path) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


def write_bytes(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Write `data` to `path` atomically; see `whole_file`."""
    with whole_file(path, durable=durable) as partial:
        partial.write_bytes(data)


OPTIONS = "--out or CADBENCH_CACHE"
"""The options that choose where records and caches are written."""


def _name_no_options(path: Path) -> str | None:
    return None


name_options: Callable[[Path], str | None] = _name_no_options
"""Names the options that chose the place of a path, or returns None. The command line sets it."""


def storage_error(error: OSError, path: Path, options: str | None = None) -> CadbenchError:
    """Turn an operating-system error into a one-line error that says what to do.

    Args:
        error: the error met while writing.
        path: the file or folder that was being written.
        options: names of the options that choose another place; by default those that
            `name_options` finds.
    """
    options = options or name_options(path) or OPTIONS
    cut_short = error.errno is None and "requested and" in str(error)  # NumPy, in a short write
    if cut_short or error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return CadbenchError(
            f"no space left while writing {path}; free some space, or choose another "
            f"folder with {options} (finished work is kept)"
        )
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return CadbenchError(
            f"cannot write {path} ({error.strerror}); choose a writable folder with {options}"
        )
    if dangling := next((up for up in path.parents if up.is_symlink() and not up.exists()), None):
        return CadbenchError(
            f"cannot write {path}: {dangling} is a link to {os.readlink(dangling)}, which does not "
            f"exist; create it, or choose another place with {options}"
        )
    if error.errno in _NO_PLACE:
        return CadbenchError(
            f"cannot write {path} ({error.strerror}); choose another place with {options}"
        )
    return CadbenchError(f"cannot write {path}: {error.strerror or error}")


def read_error(error: OSError, path: Path) -> CadbenchError:
    """Turn an error of reading a file of ours into a one-line error that says what to do."""
    options = name_options(path) or OPTIONS
    owner = "; it belongs to another user" if isinstance(error, PermissionError) else ""
    return CadbenchError(
        f"cannot read {path} ({error.strerror}){owner}; choose a folder of your own with {options}"
    )


_NO_PLACE = (errno.ENOENT, errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ELOOP)
"""Errors of a path that does not lead to a folder."""


def seal(content: bytes) -> bytes:
    """Prefix `content` with its SHA-256, so that `unseal` detects damage."""
    return hashlib.sha256(content).digest() + content


def unseal(path: Path, damaged: Callable[[Path], object] = lambda path: None) -> bytes | None:
    """Read a file that was written with `seal`.

    Args:
        path: the file.
        damaged: called with the path if the file exists but is truncated or altered, or if the disk
            fails.

    Returns:
        The content; None if the file is missing or damaged.

    Raises:
        CadbenchError: this user may not read the file.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise read_error(error, path) from error
    except OSError:
        damaged(path)
        return None
    content = data[hashlib.sha256().digest_size :]
    if seal(content) == data:
        return content
    damaged(path)
    return None
