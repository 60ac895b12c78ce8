"""Download an archive over HTTP: resume a partial file, retry after faults, check its SHA-256."""

from __future__ import annotations

import contextlib
import hashlib
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
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class GoneError(Exception):
    """The file is no longer at this address."""


class TransientError(Exception):
    """A fault after which another attempt may succeed."""


@dataclass(frozen=True)
class RetryPolicy:
    """When to give up.

    Attributes:
        connect_timeout: seconds to wait for a connection.
        read_timeout: seconds to wait for more data.
        attempts: number of consecutive attempts without new data.
        pause: seconds before the second attempt, doubled before each further one.
    """

    connect_timeout: float = 15.0
    read_timeout: float = 30.0
    attempts: int = 4
    pause: float = 1.0


def fetch_archive(archive: Archive, path: Path, reporter: Reporter, policy: RetryPolicy) -> None:
    """Download an archive and check its SHA-256.

    Transient faults (a broken connection, no data, HTTP 5xx) are retried.

    Args:
        archive: the archive in the catalog.
        path: the file to write. If it exists, the download resumes after its last byte.
        reporter: receives progress and messages.
        policy: when to give up.

    Raises:
        CadbenchError: the download failed. The received bytes stay in `path` for the next call.
    """
    with _storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if _size(path) > archive.bytes:
            path.unlink()
    if _size(path) < archive.bytes:
        have = _size(path)
        if have:
            reporter.line(f"{archive.file}: resuming after {have / MEGA:,.1f} MB in {path}")
        remaining = math.ceil((archive.bytes - have) / MEGA)
        with reporter.task(f"downloading {archive.file}", remaining, "MB") as task:
            _download_from_any(archive, path, task, reporter, policy)
    _check_hash(archive, path, reporter)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _download_from_any(
    archive: Archive, path: Path, task: Task, reporter: Reporter, policy: RetryPolicy
) -> None:
    """Download from the first address that still has the file."""
    for url in archive.urls:
        try:
            _download_with_retries(url, archive, path, task, reporter, policy)
            return
        except GoneError as error:
            reporter.detail(f"{url}: {error}")
            reason = error
    raise CadbenchError(
        f"{archive.file} is no longer available on {_host_of(archive.urls[-1])} ({reason}): look "
        f"for a newer cadbench, or download the file manually, save it as {path}, and run the same "
        "command again"
    )


def _download_with_retries(
    url: str,
    archive: Archive,
    path: Path,
    task: Task,
    reporter: Reporter,
    policy: RetryPolicy,
) -> None:
    """Retry until the file is complete, or until `policy.attempts` attempts brought nothing new."""
    failures = 0
    most = _size(path)
    while True:
        try:
            _request(url, archive, path, task, reporter, policy)
            return
        except TransientError as error:
            have = _size(path)
            failures = 0 if have > most else failures + 1
            most = max(most, have)
            if failures >= policy.attempts:
                received = f"{have / MEGA:,.1f} of {archive.bytes / MEGA:,.1f} MB are in {path}; "
                raise CadbenchError(
                    f"{archive.file} cannot be downloaded from {_host_of(url)} now: {error}; "
                    f"{received * bool(have)}run the same command again{' to resume' * bool(have)}"
                ) from None
            seconds = policy.pause * 2 ** max(failures - 1, 0)
            reporter.line(f"{archive.file}: {error}; trying again in {seconds:g} s")
            time.sleep(seconds)


def _request(
    url: str,
    archive: Archive,
    path: Path,
    task: Task,
    reporter: Reporter,
    policy: RetryPolicy,
) -> None:
    """Append the missing bytes to the file."""
    import requests

    have = _size(path)
    headers = {
        "User-Agent": "cadbench",
        "Accept-Encoding": "identity",  # Range counts the bytes that are sent
        **({"Range": f"bytes={have}-"} if have else {}),
    }
    timeout = policy.connect_timeout, policy.read_timeout
    try:
        with requests.get(url, headers=headers, stream=True, timeout=timeout) as response:
            have = _check_response(response, archive, path, have, reporter)
            for chunk in response.iter_content(_CHUNK):
                _append(path, chunk, archive)
                task.advance((have + len(chunk)) // MEGA - have // MEGA)
                have += len(chunk)
    except (requests.exceptions.Timeout, TimeoutError) as error:
        raise TransientError(f"no answer for {policy.read_timeout:g} s") from error
    except requests.exceptions.RequestException as error:
        raise TransientError(_reason(error)) from error
    if have < archive.bytes:
        raise TransientError("the connection ended early")


def _check_response(
    response: Any, archive: Archive, path: Path, have: int, reporter: Reporter
) -> int:
    """Check status and length before the body is read.

    Returns:
        The bytes of the file that precede the body.

    Raises:
        GoneError: the file is not at this address.
        TransientError: the server may answer differently next time.
        CadbenchError: the server refuses, or has another file.
    """
    status, host = response.status_code, _host_of(response.url)
    if status in (404, 410):
        raise GoneError(f"HTTP {status}")
    if status == 416:
        _remove(path)
        raise TransientError("the server does not have this part of the file")
    if status >= 500 or status in (408, 425, 429):
        raise TransientError(f"the server answered HTTP {status}")
    if status not in (200, 206):
        raise CadbenchError(
            f"{host} refuses to send {archive.file} (HTTP {status}); download it manually, save it "
            f"as {path}, and run the same command again"
        )
    total = response.headers.get("Content-Length", "")
    if status == 206:
        found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if found is None or int(found[1]) != have:
            _remove(path)
            raise TransientError("the server sent another part of the file than requested")
        total = found[2]
    elif have:
        reporter.line(
            f"{archive.file}: {host} cannot resume downloads; starting from the beginning"
        )
        _remove(path)
        have = 0
    if total.isdecimal() and int(total) != archive.bytes:
        raise CadbenchError(
            f"{host} offers {int(total):,} bytes instead of the {archive.bytes:,} of "
            f"{archive.file}: the file at that address was replaced; look for a newer cadbench, or "
            f"download the file manually and save it as {path}"
        )
    return have


def _append(path: Path, chunk: bytes, archive: Archive) -> None:
    """Append a chunk, so that a kill loses none that had arrived."""
    if _size(path) + len(chunk) > archive.bytes:
        _remove(path)
        raise CadbenchError(
            f"received more than the {archive.bytes:,} bytes of {archive.file}: the file at that "
            "address was replaced; look for a newer cadbench"
        )
    with _storage_errors(path), open(path, "ab") as file:
        file.write(chunk)


def _remove(path: Path) -> None:
    with _storage_errors(path):
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def _storage_errors(path: Path) -> Iterator[None]:
    """Tell errors of the disk from those of `requests`, which are OSErrors too."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, path, ROOT_OPTION) from error


def _host_of(url: str) -> str:
    return urlsplit(url).hostname or url


def _reason(error: Exception) -> str:
    """Why a request failed, without the object addresses in the libraries' messages."""
    text = str(error)
    for sign, reason in (
        ("NameResolutionError", "its name cannot be resolved (is there a network?)"),
        ("Connection refused", "the connection was refused"),
        ("Network is unreachable", "there is no network"),
        ("IncompleteRead", "the connection ended early"),
        ("Connection reset", "the connection was reset"),
        ("RemoteDisconnected", "the server closed the connection"),
        ("Read timed out", "no data arrived for too long"),
        ("CERTIFICATE_VERIFY_FAILED", "its certificate is not valid"),
        ("ProxyError", "the proxy refuses the connection"),
    ):
        if sign in text:
            return reason
    return f"the connection failed ({type(error).__name__})"


def _check_hash(archive: Archive, path: Path, reporter: Reporter) -> None:
    reporter.line(f"checking SHA-256 of {archive.file}")
    with _storage_errors(path):
        with open(path, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found == archive.sha256:
            return
        wrong = path.with_name(f"{path.name}.wrong")
        os.replace(path, wrong)
    raise CadbenchError(
        f"{archive.file} has SHA-256 {found[:12]}.. instead of {archive.sha256[:12]}..: it was "
        f"damaged in transit or replaced at its address; it was renamed to {wrong} and is not "
        "used. Run the same command to download it again; if that fails, look for a newer cadbench"
    )
