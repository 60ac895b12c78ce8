"""Standard streams on which a failed write never ends the work, but is remembered."""

from __future__ import annotations

import contextlib
import io
import os
import select
import sys
from typing import Any, TextIO


def protect_streams() -> None:
    """Replace the standard streams of this process by ones whose writes do not raise.

    A descriptor that is closed is opened, because the next file that is opened would get its number
    and receive the output of libraries. Call this first, in the main function of a program.
    """
    _open_missing(0, os.O_RDONLY)
    _open_missing(1, os.O_RDONLY)  # not writable, so that writing is still an error
    _open_missing(2, os.O_WRONLY)
    sys.stdout = _protected(1, sys.stdout, errors="backslashreplace")
    sys.stderr = _protected(2, sys.stderr, errors="backslashreplace")


def output_error() -> OSError | None:
    """Flush standard output and return why something could not be written to it, if so."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return raw.error if isinstance(raw, _File) else None


class _File(io.FileIO):
    """A descriptor that remembers the first error of a write and discards what follows."""

    error: OSError | None = None

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        while self.error is None:
            try:
                written = super().write(data)
            except OSError as error:
                self.error = error
                break
            if written is not None:
                return written
            # Another program made the descriptor non-blocking.
            select.select([], [self.fileno()], [])
        return size


def _open_missing(descriptor: int, flags: int) -> None:
    try:
        os.fstat(descriptor)
    except OSError:
        opened = os.open(os.devnull, flags)
        if opened == descriptor:
            os.set_inheritable(descriptor, True)
        else:
            os.dup2(opened, descriptor)
            os.close(opened)


def _protected(descriptor: int, stream: TextIO | None, errors: str) -> TextIO:
    if stream is not None:
        with contextlib.suppress(OSError):
            stream.flush()
    unbuffered = getattr(stream, "write_through", False)  # python -u
    return io.TextIOWrapper(
        io.BufferedWriter(_File(descriptor, "wb", closefd=False)),
        encoding=stream.encoding if stream is not None else None,
        errors=errors,
        line_buffering=os.isatty(descriptor) or descriptor == 2 or unbuffered,
    )
