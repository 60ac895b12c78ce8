"""Bringing an archive to the disk over HTTP: from where it left off, again after a fault, checked.

pooch transfers; that it goes on at a byte (Range), and what the answer to that means, is decided
here.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ....results.errors import CadbenchError
from ....results.storage.files import storage_error
from ...system.reporting import Reporter, Task
from ..catalog import Archive

MEGA = 10**6
ROOT_OPTION = "--root or CADBENCH_DATA"

_CHUNK = 64 * 1024
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


@dataclass(frozen=True)
class Patience:
    """connect, silence: seconds until a server that says nothing is given up.

    tries: attempts in a row that bring nothing new; pause: seconds before the second one, doubled
    before each further one.
    """

    connect: float = 15.0
    silence: float = 30.0
    tries: int = 4
    pause: float = 1.0


def fetch(archive: Archive, path: Path, reporter: Reporter, patience: Patience) -> None:
    """Bring `archive` to `path`, going on after what lies there, and check its SHA-256.

    After a fault that may pass (a broken connection, silence, a server's 5xx) it is tried again
    with `patience`. `CadbenchError` otherwise; what has arrived stays for the next call.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if _size(path) > archive.bytes:
            path.unlink()
    except OSError as error:
        raise storage_error(error, path, ROOT_OPTION) from error
    if _size(path) < archive.bytes:
        have = _size(path)
        if have:
            reporter.line(f"{archive.file}: going on after {have / MEGA:,.1f} MB in {path}")
        left = math.ceil((archive.bytes - have) / MEGA)
        with reporter.task(f"downloading {archive.file}", left, "MB") as task:
            _from_any(archive, path, task, reporter, patience)
    _check_hash(archive, path, reporter)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


class _Gone(Exception):
    """There is nothing at this address any more."""


class _Fault(Exception):
    """Something that may pass."""


def _from_any(
    archive: Archive, path: Path, task: Task, reporter: Reporter, patience: Patience
) -> None:
    for url in archive.urls:
        try:
            _persist(url, archive, path, task, reporter, patience)
            return
        except _Gone as error:
            reporter.detail(f"{url}: {error}")
            reason = error
    raise CadbenchError(
        f"{archive.file} is no longer at its address on {_host(archive.urls[-1])} ({reason}): look "
        f"for a newer cadbench, or download the file by hand, put it at {path}, and run the same "
        "command again"
    )


def _persist(
    url: str,
    archive: Archive,
    path: Path,
    task: Task,
    reporter: Reporter,
    patience: Patience,
) -> None:
    """Try until it is whole, or until nothing new came `patience.tries` times in a row."""
    vain = 0
    most = _size(path)
    while True:
        try:
            _request(url, archive, path, task, reporter, patience)
            return
        except _Fault as error:
            have = _size(path)
            vain = 0 if have > most else vain + 1
            most = max(most, have)
            if vain >= patience.tries:
                kept = f"{have / MEGA:,.1f} of {archive.bytes / MEGA:,.1f} MB are in {path}: "
                raise CadbenchError(
                    f"{archive.file} cannot be had from {_host(url)} now: {error}; "
                    f"{kept * bool(have)}run the same command again{' to go on there' * bool(have)}"
                ) from None
            seconds = patience.pause * 2 ** max(vain - 1, 0)
            reporter.line(f"{archive.file}: {error}; trying again in {seconds:g} s")
            time.sleep(seconds)


def _request(
    url: str,
    archive: Archive,
    path: Path,
    task: Task,
    reporter: Reporter,
    patience: Patience,
) -> None:
    """One request for what is missing."""
    import pooch
    from requests import exceptions

    with _Arriving(archive, path, task, reporter) as arriving:
        downloader = pooch.HTTPDownloader(
            chunk_size=_CHUNK,
            timeout=(patience.connect, patience.silence),
            # Not compressed on the way: Range counts the bytes of what is sent.
            headers={
                "User-Agent": "cadbench",
                "Accept-Encoding": "identity",
                **arriving.range,
            },
            hooks={"response": arriving.answered},
        )
        try:
            downloader(url, arriving, None)
        except (exceptions.Timeout, TimeoutError) as error:
            raise _Fault(f"no answer from it for {patience.silence:g} s") from error
        except exceptions.RequestException as error:
            raise _Fault(_why(error)) from error
        if arriving.have < archive.bytes:
            raise _Fault("the connection ended early")


class _Arriving:
    """What pooch writes to: the file, behind the bytes that are there.

    Everything that is said here is a `CadbenchError`, `_Gone` or `_Fault`; those of `requests` are
    OSErrors, as is a full disk, and must not be mixed up with it.
    """

    def __init__(self, archive: Archive, path: Path, task: Task, reporter: Reporter) -> None:
        self.archive = archive
        self.path = path
        self.task = task
        self.reporter = reporter
        with self._storing():
            # Unbuffered: what was written is there after a kill, and closing cannot fail.
            self.file = open(path, "ab", buffering=0)  # noqa: SIM115
            self.have = self.file.tell()
        self.unsaid = 0

    def __enter__(self) -> _Arriving:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        if not self.have:
            with contextlib.suppress(OSError):
                self.path.unlink()

    @property
    def range(self) -> dict[str, str]:
        """The header that asks for what is missing."""
        return {"Range": f"bytes={self.have}-"} if self.have else {}

    def answered(self, response: Any, *_: object, **__: object) -> None:
        """Judge the answer before its body is read (a hook of `requests`)."""
        status = response.status_code
        if response.is_redirect:
            return
        if status in (404, 410):
            raise _Gone(f"HTTP {status}")
        if status == 416:
            self._start_over()
            raise _Fault("it has no such part of the file")
        if status >= 500 or status in (408, 425, 429):
            raise _Fault(f"its server says HTTP {status}")
        host = _host(response.url)
        if status not in (200, 206):
            raise CadbenchError(
                f"{host} refuses to send {self.archive.file} (HTTP {status}); download it by hand, "
                f"put it at {self.path}, and run the same command again"
            )
        total = response.headers.get("Content-Length", "")
        if status == 206:
            found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
            if found is None or int(found[1]) != self.have:
                self._start_over()
                raise _Fault("it sent another part of the file than was asked for")
            total = found[2]
        elif self.have:
            self.reporter.line(f"{self.archive.file}: {host} cannot go on; from the start again")
            self._start_over()
        if total.isdecimal() and int(total) != self.archive.bytes:
            raise CadbenchError(
                f"{host} sends {int(total):,} bytes instead of {self.archive.file} with its "
                f"{self.archive.bytes:,}: the file at that address was replaced; look for a newer "
                f"cadbench, or download the file by hand and put it at {self.path}"
            )

    def write(self, data: bytes) -> None:
        if self.have + len(data) > self.archive.bytes:
            self._start_over()
            raise CadbenchError(
                f"more than the {self.archive.bytes:,} bytes of {self.archive.file} came: the file "
                "at that address was replaced; look for a newer cadbench"
            )
        left = memoryview(data)
        with self._storing():
            while left:
                left = left[self.file.write(left) :]
        self.have += len(data)
        self.unsaid += len(data)
        if self.unsaid >= MEGA:
            self.task.advance(self.unsaid // MEGA)
            self.unsaid %= MEGA

    def flush(self) -> None:
        """For pooch, which calls it after each chunk: nothing is buffered."""

    def _start_over(self) -> None:
        with self._storing():
            self.file.truncate(0)
        self.have = 0

    @contextlib.contextmanager
    def _storing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise storage_error(error, self.path, ROOT_OPTION) from error


def _why(error: Exception) -> str:
    """What ended a request, without addresses of objects and the like."""
    text = str(error)
    for sign, reason in (
        ("NameResolutionError", "its name cannot be looked up (is there a network?)"),
        ("Connection refused", "the connection is refused"),
        ("Network is unreachable", "there is no network"),
        ("IncompleteRead", "the connection ended early"),
        ("Connection reset", "the connection was cut"),
        ("RemoteDisconnected", "the connection was cut"),
        ("Read timed out", "nothing came for too long"),
        ("CERTIFICATE_VERIFY_FAILED", "its certificate is not valid"),
        ("ProxyError", "the proxy does not let us through"),
    ):
        if sign in text:
            return reason
    return f"the connection failed ({type(error).__name__})"


def _host(url: str) -> str:
    return urlsplit(url).hostname or url


def _check_hash(archive: Archive, path: Path, reporter: Reporter) -> None:
    import pooch

    reporter.line(f"checking SHA-256 of {archive.file}")
    try:
        found = pooch.file_hash(str(path), alg="sha256")
        if found == archive.sha256:
            return
        aside = path.with_name(f"{path.name}.wrong")
        os.replace(path, aside)
    except OSError as error:
        raise storage_error(error, path, ROOT_OPTION) from error
    raise CadbenchError(
        f"{archive.file} has the SHA-256 {found[:12]}.. instead of {archive.sha256[:12]}..: it was "
        f"damaged on the way or replaced at its address; it is set aside as {aside} and not used. "
        "Run the same command to fetch it anew; if that ends here again, look for a newer cadbench"
    )
