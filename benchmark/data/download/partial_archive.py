"""An archive while it is downloaded: check each HTTP response, append its bytes to the file."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ....results.errors import CadbenchError
from ....results.storage.files import storage_error
from ...system.reporting import Reporter, Task
from ..catalog import Archive

MEGA = 10**6
ROOT_OPTION = "--root or CADBENCH_DATA"

_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class GoneError(Exception):
    """The file is no longer at this address."""


class TransientError(Exception):
    """A fault after which another attempt may succeed."""


class PartialArchive:
    """The file that pooch writes to, opened for appending.

    Its methods raise only `CadbenchError`, `GoneError` and `TransientError`. The exceptions of
    `requests` are OSErrors, as is a full disk, and the two must be told apart.
    """

    def __init__(self, archive: Archive, path: Path, task: Task, reporter: Reporter) -> None:
        """Open the file.

        Args:
            archive: the archive in the catalog.
            path: the file; its bytes so far are the beginning of the archive.
            task: advances by one per megabyte.
            reporter: is told if the download starts over.
        """
        self.archive = archive
        self.path = path
        self.task = task
        self.reporter = reporter
        with self._storage_errors():
            # Unbuffered: written bytes survive a kill, and closing cannot fail.
            self.file = open(path, "ab", buffering=0)  # noqa: SIM115
            self.have = self.file.tell()
        self.unreported = 0

    def __enter__(self) -> PartialArchive:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        if not self.have:
            with contextlib.suppress(OSError):
                self.path.unlink()

    @property
    def range_header(self) -> dict[str, str]:
        """The header that requests only the missing bytes."""
        return {"Range": f"bytes={self.have}-"} if self.have else {}

    def check_response(self, response: Any, *_: object, **__: object) -> None:
        """Check status and length before the body is read (a hook of `requests`).

        Raises:
            GoneError: the file is not at this address.
            TransientError: the server may answer differently next time.
            CadbenchError: the server refuses, or has another file.
        """
        status = response.status_code
        if response.is_redirect:
            return
        if status in (404, 410):
            raise GoneError(f"HTTP {status}")
        if status == 416:
            self._start_over()
            raise TransientError("the server does not have this part of the file")
        if status >= 500 or status in (408, 425, 429):
            raise TransientError(f"the server answered HTTP {status}")
        host = host_of(response.url)
        if status not in (200, 206):
            raise CadbenchError(
                f"{host} refuses to send {self.archive.file} (HTTP {status}); download it "
                f"manually, save it as {self.path}, and run the same command again"
            )
        total = response.headers.get("Content-Length", "")
        if status == 206:
            found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
            if found is None or int(found[1]) != self.have:
                self._start_over()
                raise TransientError("the server sent another part of the file than requested")
            total = found[2]
        elif self.have:
            self.reporter.line(
                f"{self.archive.file}: {host} cannot resume downloads; starting from the beginning"
            )
            self._start_over()
        if total.isdecimal() and int(total) != self.archive.bytes:
            raise CadbenchError(
                f"{host} offers {int(total):,} bytes instead of the {self.archive.bytes:,} of "
                f"{self.archive.file}: the file at that address was replaced; look for a newer "
                f"cadbench, or download the file manually and save it as {self.path}"
            )

    def write(self, data: bytes) -> None:
        """Append a chunk; `CadbenchError` if the file becomes longer than the archive."""
        if self.have + len(data) > self.archive.bytes:
            self._start_over()
            raise CadbenchError(
                f"received more than the {self.archive.bytes:,} bytes of {self.archive.file}: the "
                "file at that address was replaced; look for a newer cadbench"
            )
        remaining = memoryview(data)
        with self._storage_errors():
            while remaining:
                remaining = remaining[self.file.write(remaining) :]
        self.have += len(data)
        self.unreported += len(data)
        if self.unreported >= MEGA:
            self.task.advance(self.unreported // MEGA)
            self.unreported %= MEGA

    def flush(self) -> None:
        """Do nothing, since nothing is buffered; pooch calls it after each chunk."""

    def _start_over(self) -> None:
        with self._storage_errors():
            self.file.truncate(0)
        self.have = 0

    @contextlib.contextmanager
    def _storage_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise storage_error(error, self.path, ROOT_OPTION) from error


def host_of(url: str) -> str:
    """The host name in a URL, for messages."""
    return urlsplit(url).hostname or url
