"""Writing files so that a reader sees the old one or the whole new one, never a half."""

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
    """Yield a temporary path beside `path`; on success it takes that name in one step.

    With `durable` the bytes are on the disk before the rename (for records; caches are rebuilt).
    A failure leaves nothing behind; a full disk or a read-only folder becomes one clear line.
    """
    if path.exists() and not path.is_file():  # the rename would take the place of `/dev/null`
        raise CadbenchError(f"cannot write {path}: it is no file, but a folder, device or pipe")
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
    """Replace `path` by `data` in one step."""
    with whole_file(path, durable=durable) as partial:
        partial.write_bytes(data)


OPTIONS = "--out or CADBENCH_CACHE"
"""What chooses the place of records and caches."""


def storage_error(error: OSError, path: Path, options: str = OPTIONS) -> CadbenchError:
    """The one-line form of an operating-system error met while writing `path`.

    options: what the user can choose another place with.
    """
    cut_short = error.errno is None and "requested and" in str(error)  # NumPy, in a short write
    if cut_short or error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return CadbenchError(
            f"no space left while writing {path}; free some, or choose another place with "
            f"{options} (finished work is kept)"
        )
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return CadbenchError(
            f"cannot write {path} ({error.strerror}); choose a writable place with {options}"
        )
    return CadbenchError(f"cannot write {path}: {error.strerror or error}")


def seal(content: bytes) -> bytes:
    """`content` behind its SHA-256, so that damage is noticed when it is read back."""
    return hashlib.sha256(content).digest() + content


def unseal(path: Path, damaged: Callable[[Path], object] = lambda path: None) -> bytes | None:
    """The content of a sealed file, or None where the file is absent, truncated or altered.

    damaged: is told of a file that is there and not whole.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError:
        damaged(path)
        return None
    content = data[hashlib.sha256().digest_size :]
    if seal(content) == data:
        return content
    damaged(path)
    return None
