"""Download an archive over HTTP: resume a partial file, retry after faults, check its SHA-256.

pooch does the transfer. It cannot resume, so the Range header and the response to it are handled
here and in `partial_archive`.
"""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass
from pathlib import Path

from ....results.errors import CadbenchError
from ....results.storage.files import storage_error
from ...system.reporting import Reporter, Task
from ..catalog import Archive
from .partial_archive import MEGA, ROOT_OPTION, GoneError, PartialArchive, TransientError, host_of

_CHUNK = 64 * 1024


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
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if _size(path) > archive.bytes:
            path.unlink()
    except OSError as error:
        raise storage_error(error, path, ROOT_OPTION) from error
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
        f"{archive.file} is no longer available on {host_of(archive.urls[-1])} ({reason}): look "
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
                    f"{archive.file} cannot be downloaded from {host_of(url)} now: {error}; "
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
    """One request for the missing bytes."""
    import pooch
    from requests import exceptions

    with PartialArchive(archive, path, task, reporter) as partial:
        downloader = pooch.HTTPDownloader(
            chunk_size=_CHUNK,
            timeout=(policy.connect_timeout, policy.read_timeout),
            # No compression in transit: Range counts the bytes that are sent.
            headers={
                "User-Agent": "cadbench",
                "Accept-Encoding": "identity",
                **partial.range_header,
            },
            hooks={"response": partial.check_response},
        )
        try:
            downloader(url, partial, None)
        except (exceptions.Timeout, TimeoutError) as error:
            raise TransientError(f"no answer for {policy.read_timeout:g} s") from error
        except exceptions.RequestException as error:
            raise TransientError(_reason(error)) from error
        if partial.have < archive.bytes:
            raise TransientError("the connection ended early")


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
    import pooch

    reporter.line(f"checking SHA-256 of {archive.file}")
    try:
        found = pooch.file_hash(str(path), alg="sha256")
        if found == archive.sha256:
            return
        wrong = path.with_name(f"{path.name}.wrong")
        os.replace(path, wrong)
    except OSError as error:
        raise storage_error(error, path, ROOT_OPTION) from error
    raise CadbenchError(
        f"{archive.file} has SHA-256 {found[:12]}.. instead of {archive.sha256[:12]}..: it was "
        f"damaged in transit or replaced at its address; it was renamed to {wrong} and is not "
        "used. Run the same command to download it again; if that fails, look for a newer cadbench"
    )
