"""Fixtures that run the command line on a generated dataset, here or in a child process."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

SMALL = ("--set", "mecad.class_budget=10", "--set", "mecad.expert_budget=30")
"""Budgets for a generated dataset."""

FINETUNE = ("--method", "finetune", "--set", "finetune.bank_budget=10")
"""The fastest method."""


class Called(NamedTuple):
    """The result of a command: exit code, standard output and standard error."""

    code: int
    out: str
    err: str


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], cache: Path) -> Callable[..., Called]:
    """Call `cadbench` with these arguments."""
    from cadbench.benchmark.cli.main import run

    def call(*words: object) -> Called:
        capsys.readouterr()
        return Called(run([str(word) for word in words]), *capsys.readouterr())

    return call


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """The folder of the records of `run_plates`."""
    return tmp_path / "runs"


@pytest.fixture
def plates(dataset: Callable[..., Path]) -> Callable[..., Path]:
    """Call `dataset` for three categories with few images."""
    few = {"categories": ("apple", "bolt", "cork"), "train": 3, "good": 3, "defective": 4}
    return lambda **options: dataset(**{**few, **options})


@pytest.fixture
def run_words(plates: Callable[..., Path], out: Path) -> list[str]:
    """`run` and the options for a generated dataset."""
    root = out.with_name("plates")
    if not root.exists():
        plates()
    where = ["--dataset", "folder", "--data-root", str(root), "--out", str(out)]
    return ["run", *where, "--image-size", "64", "--device", "cpu"]


@pytest.fixture
def run_plates(
    call: Callable[..., Called], run_words: list[str], pixel_backbone: list[int]
) -> Callable[..., Called]:
    """Call `cadbench run` with these arguments on the generated dataset."""
    return lambda *words: call(*run_words, *words)


class Child:
    """A `cadbench` in a child process, see tests/benchmark/child.py."""

    def __init__(self, places: str, words: Sequence[str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmark.child", places, *words],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            text=True,
            start_new_session=True,
        )

    def wait_for(self, said: str) -> None:
        """Read its standard output up to a line."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.rstrip() == said:
                return
        raise AssertionError(f"no line {said!r}, but {self.process.communicate()}")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process and all its children, like a terminal."""
        os.killpg(self.process.pid, number)

    def end(self) -> Called:
        """Let it continue, and wait until it ends."""
        out, err = self.process.communicate(timeout=60)
        return Called(self.process.returncode, out, err)


@pytest.fixture
def child(cache: Path, run_words: list[str]) -> Iterator[Callable[..., Child]]:
    """Start `run_plates` in a child that stops at these places."""
    started: list[Child] = []

    def start(places: str, *words: object) -> Child:
        started.append(Child(places, [*run_words, *map(str, words)]))
        return started[-1]

    yield start
    for one in started:
        with contextlib.suppress(ProcessLookupError):
            one.signal(signal.SIGKILL)
        one.process.communicate()


@pytest.fixture
def observed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of the experiences that `finetune` observes, in order."""
    from cadbench.methods.banks.finetune import FineTune

    seen: list[int] = []
    original = FineTune.observe

    def observe(self: Any, experience: Any) -> None:
        seen.append(experience.index)
        original(self, experience)

    monkeypatch.setattr(FineTune, "observe", observe)
    return seen
