"""Where faults are tried: a drawn dataset, a study on it, and what it gives undisturbed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tests.conftest import draw_dataset

ROOT = Path(__file__).parents[2]
Fault = tuple[str, dict[str, Any]]
Numbers = dict[str, dict[str, bytes]]
"""Record -> file -> its bytes; of run.json what does not tell of time and machine."""

METHODS = (
    *("--method", "mecad", "--set", "mecad.class_budget=10", "--set", "mecad.expert_budget=30"),
    *("--method", "patchcore", "--set", "patchcore.bank_budget=16"),
    *("--method", "tests.faults.image_method:ImageMethod", "--set",
      "tests.faults.image_method:ImageMethod.bank_budget=10"),
)  # fmt: skip
ALONE = {
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}
"""With these no library starts a thread when it is imported."""
ONE = ("--method", "finetune", "--set", "finetune.bank_budget=10")


class Called(NamedTuple):
    """How a command ended: its exit code, or minus the signal; what it printed."""

    code: int
    out: str
    err: str


@dataclass
class Running:
    """A command under way."""

    stage: Stage
    pid: int

    def signal(self, number: signal.Signals) -> None:
        """To the process alone, which may have ended."""
        os.kill(self.pid, number)  # until it is waited for, the id stays its own

    def end(self) -> Called:
        """Wait for it, and end what it has started."""
        return Called(*json.loads(self.stage.ask({"wait": self.pid})))


@dataclass
class Place:
    """Folders of one try. data: the images; cache and runs: what the command writes."""

    folder: Path
    data: Path
    cache: Path
    runs: Path

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger"


@dataclass
class Stage:
    """The process that forks, and folders for tries."""

    root: Path
    forge: subprocess.Popen[str]
    tries: int = 0
    _known: dict[tuple[str, ...], Place] = field(default_factory=dict)

    def ask(self, request: dict[str, Any]) -> str:
        assert self.forge.stdin is not None
        assert self.forge.stdout is not None
        self.forge.stdin.write(json.dumps(request) + "\n")
        self.forge.stdin.flush()
        answer = self.forge.stdout.readline()
        assert answer, "the process that forks has ended"
        return answer

    def start(self, place: Place, words: Sequence[object], *faults: Fault) -> Running:
        """Start `cadbench words` with these faults."""
        pid = self.ask(
            {
                "words": [str(word) for word in words],
                "env": {"CADBENCH_CACHE": str(place.cache), "CADBENCH_DEBUG": ""},
                "folder": str(place.folder),
                "faults": faults,
                "ledger": str(place.ledger),
            }
        )
        return Running(self, int(pid))

    def call(self, place: Place, words: Sequence[object], *faults: Fault) -> Called:
        """Run `cadbench words` with these faults to its end."""
        return self.start(place, words, *faults).end()

    def place(self, like: Place | None = None, *, cache: bool = True, runs: bool = True) -> Place:
        """Folders of a new try, with copies of another one's cache and runs."""
        self.tries += 1
        folder = self.root / f"{self.tries:04}"
        folder.mkdir()
        made = Place(folder, self.root / "plates", folder / "cache", folder / "runs")
        for name, wanted in (("cache", cache), ("runs", runs)):
            if like and wanted:
                shutil.copytree(getattr(like, name), folder / name, symlinks=True)
        return made

    def undisturbed(self, *methods: str) -> Place:
        """The place where the study of these methods has ended well."""
        if methods not in self._known:
            place = self.place()
            done = self.call(place, run_words(place, *methods))
            assert done.code == 0, done
            self._known[methods] = place
        return self._known[methods]


@contextlib.contextmanager
def staging(root: Path) -> Iterator[Stage]:
    """A stage in this folder, which other users may enter."""
    root.chmod(0o755)
    draw_dataset(root / "plates", ("apple", "bolt", "cork"), train=3, good=3, defective=4)
    forge = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.forking"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **ALONE},
    )
    try:
        yield Stage(root, forge)
    finally:
        assert forge.stdin is not None
        forge.stdin.close()
        forge.wait(20)


def run_words(place: Place, *methods: str) -> list[str]:
    """`cadbench run` of these methods on the drawn dataset."""
    where = ["--dataset", "folder", "--data-root", str(place.data), "--out", str(place.runs)]
    return ["run", *where, "--image-size", "64", "--device", "cpu", "-q", *methods]


def numbers(runs: Path) -> Numbers:
    """What the whole records under `runs` hold."""
    found: Numbers = {}
    for file in sorted(runs.rglob("run.json")):
        if any(part.endswith(".partial") for part in file.parts):
            continue
        files = {path.name: path.read_bytes() for path in file.parent.iterdir()}
        run = json.loads(files["run.json"])
        for name in ("seconds", "costs", "versions", "git_commit", "seal"):
            run.pop(name, None)
        files["run.json"] = json.dumps(run).encode()
        found[file.parent.relative_to(runs).as_posix()] = files
    return found


def wait_until(true: Any, seconds: float = 20.0) -> bool:
    """Whether it becomes true in that time."""
    until = time.monotonic() + seconds
    while not (done := true()) and time.monotonic() < until:
        time.sleep(0.01)
    return bool(done)
