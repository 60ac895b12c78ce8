"""The download campaign: what goes wrong on the way, what is said, what is left, what comes next.

    python -m tests.faults.downloads

prints a table. The same scenarios are tests in tests/benchmark/data/download/test_download.py.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from cadbench.benchmark.data.catalog import CatalogEntry
from cadbench.benchmark.data.download import transfer
from cadbench.benchmark.data.download.download import download
from cadbench.benchmark.data.download.transfer import RetryPolicy
from cadbench.benchmark.system.reporting import Silent
from cadbench.results.errors import CadbenchError

from tests.faults.loopback import Answer, Server, serving
from tests.faults.miniature import archive, entry

PATIENCE = RetryPolicy(connect_timeout=2.0, read_timeout=0.4, attempts=3, pause=0.01)
HALF = 200_000
"""Bytes, about half of the archive."""


@dataclass
class Stage:
    """A server with the archive of `mini`, and the folder that it is to come to."""

    server: Server
    whole: CatalogEntry
    root: Path

    @property
    def partial(self) -> Path:
        return self.root / "mini.partial"

    @property
    def kept(self) -> int:
        """Bytes of the archive that lie there."""
        path = self.partial / "mini.tar.xz"
        return path.stat().st_size if path.exists() else 0

    def get(self, chosen: CatalogEntry | None = None) -> Path:
        return download(chosen or self.whole, self.root, Silent(), PATIENCE)


@contextlib.contextmanager
def stage(root: Path, *answers: Answer) -> Iterator[Stage]:
    """The archive served with these answers."""
    with serving(archive(), list(answers) or [Answer()]) as server:
        yield Stage(server, entry(archive(), server.url), root)


@dataclass(frozen=True)
class Scenario:
    """A fault. said: a part of the error, or nothing where the first call gets through.

    kept: whether something of the archive stays for the second call; asked: the requests of both;
    long: not among the tests.
    """

    name: str
    answers: tuple[Answer, ...]
    said: str = ""
    kept: bool = False
    asked: int | None = None
    long: bool = False
    around: Callable[[Stage], contextlib.AbstractContextManager[Any]] = contextlib.nullcontext


CUT = Answer(cut=HALF)
"""The connection ends in the middle."""


def _full(_: Stage) -> Any:
    """Files may not grow beyond 150 kB."""

    @contextlib.contextmanager
    def limited() -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limited()


def _read_only(_: Stage) -> Any:
    error = OSError(errno.EROFS, os.strerror(errno.EROFS))
    return mock.patch.object(Path, "mkdir", side_effect=error)


def _no_name(_: Stage) -> Any:
    error = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return mock.patch.object(socket, "getaddrinfo", side_effect=error)


def _interrupted(_: Stage) -> Any:
    """Ctrl-C when half of it is there."""
    append = transfer._append

    def interrupted(path: Path, *rest: Any) -> None:
        append(path, *rest)
        if path.stat().st_size > HALF:
            raise KeyboardInterrupt

    return mock.patch.object(transfer, "_append", interrupted)


SCENARIOS = (
    Scenario("nothing goes wrong", (Answer(),), asked=1),
    Scenario("slow, but alive", (Answer(pause=0.02),), asked=1),
    Scenario("cut in the middle, once", (CUT, Answer()), asked=2),
    Scenario("cut again and again", (Answer(cut=70_000),) * 3 + (Answer(),), asked=4),
    Scenario("cut for good", (CUT, *(Answer(cut=0),) * 4),
             "the connection ended early", kept=True),
    Scenario("cut, and no Range", (CUT, Answer(ranges=False)), asked=2),
    Scenario("another part than asked for", (CUT, Answer(shift=7), Answer()), asked=3),
    Scenario("stalled in the middle", (Answer(stall=HALF), Answer()), asked=2),
    Scenario("stalled for good", (Answer(stall=HALF), *(Answer(stall=0),) * 4),
             "no data arrived for too long", kept=True, long=True),
    Scenario("HTTP 500 twice", (Answer(status=500), Answer(status=503), Answer()), asked=3),
    Scenario("HTTP 500 for good", (Answer(status=500),), "the server answered HTTP 500"),
    Scenario("HTTP 404", (Answer(status=404),), "is no longer available on"),
    Scenario("HTTP 403", (Answer(status=403),), "refuses to send mini.tar.xz (HTTP 403)"),
    Scenario("wrong content, same size", (Answer(body=archive()[::-1]),), "SHA-256"),
    Scenario("a web page instead", (Answer(body=b"<html>log in</html>"),), "was replaced"),
    Scenario("more than announced", (Answer(body=b"?" * 10**6, length=False),), "was replaced"),
    Scenario("name cannot be looked up", (Answer(),), "its name cannot be resolved",
             around=_no_name),
    Scenario("disk full", (Answer(),), "no space left while writing", kept=True, around=_full),
    Scenario("read-only disk", (Answer(),), "choose a writable folder with --root",
             around=_read_only),
    Scenario("Ctrl-C", (Answer(),), "KeyboardInterrupt", kept=True, around=_interrupted),
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """said: the error of the first call; kept: bytes of the archive that it left."""

    said: str
    kept: int
    half_made: bool
    asked: tuple[str, ...]
    then: Path


def play(scenario: Scenario, root: Path) -> Outcome:
    """The first call with its fault, and the second one, when all is well again."""
    # What lasts longest of a miniature is to wait for the disk at each of its files.
    with mock.patch.object(os, "fsync"), stage(root, *scenario.answers) as on:
        said = ""
        try:
            with scenario.around(on):
                on.get()
        except CadbenchError as error:
            said = str(error)
        except KeyboardInterrupt:
            said = "KeyboardInterrupt"
        kept = on.kept
        half_made = bool(said) and (root / "mini").exists()
        if said:
            on.server.answers = [Answer()]
        then = on.get()
        return Outcome(said, kept, half_made, tuple(on.server.asked), then)


def kill(root: Path, place: str) -> tuple[int, bool, tuple[str, ...]]:
    """Kill -9 during transfer, unpacking or just before the rename; then once more.

    Bytes of the archive that the killed process left, whether the dataset seemed to be there, and
    what was asked of the server in all.
    """
    answer = Answer(stall=HALF) if place == "transfer" else Answer()
    with stage(root, answer, Answer()) as on:
        copy = root.with_name(f"{root.name}.archive")
        copy.write_bytes(on.server.body)
        running = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.child", on.server.url, copy, root, place],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            if place == "transfer":
                until = time.monotonic() + 30
                while on.kept < HALF - 2**16 and time.monotonic() < until:
                    time.sleep(0.01)
            else:
                assert running.stdout is not None
                assert running.stdout.readline() == "held\n"
        finally:
            running.send_signal(signal.SIGKILL)
            running.communicate()
        kept, seemed = on.kept, (root / "mini").exists()
        on.get()
        return kept, seemed, tuple(on.server.asked)


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for number, scenario in enumerate(SCENARIOS):
            began = time.monotonic()
            outcome = play(scenario, Path(folder, str(number)))
            said = outcome.said.replace(folder, "").split(";")[0] or "nothing, it gets through"
            again = any(outcome.asked[1:])
            rows.append((scenario.name, said, f"{outcome.kept}" if outcome.said else "all",
                         str(len(outcome.asked)), "yes" if again else "no",
                         f"{time.monotonic() - began:.1f}"))  # fmt: skip
        for place in ("transfer", "unpack", "settle"):
            began = time.monotonic()
            kept, seemed, asked = kill(Path(folder, place), place)
            assert not seemed
            rows.append((f"kill -9, {place}", "", str(kept), str(len(asked)),
                         "yes" if any(asked[1:]) else "no",
                         f"{time.monotonic() - began:.1f}"))  # fmt: skip
    heads = ("fault", "said", "bytes kept", "requests in all", "resumed", "s")
    print("|", " | ".join(heads), "|")
    print("|" + "---|" * len(heads))
    for row in rows:
        print("|", " | ".join(row), "|")
    print(f"\n{len(rows)} faults; after each one the next call made the dataset whole.")


if __name__ == "__main__":
    main()
