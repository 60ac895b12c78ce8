"""The command line, called in this process on a drawn data set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

SMALL = (
    *("--set", "mecad.class_budget=10"),
    *("--set", "mecad.expert_budget=30"),
)
"""Budgets that suit a drawn data set."""


class Called(NamedTuple):
    """What a command answered: exit code, standard output and standard error."""

    code: int
    out: str
    err: str


@pytest.fixture()
def call(capsys: pytest.CaptureFixture[str], cache: Path) -> Callable[..., Called]:
    """`cadbench` with these words."""
    from benchmark.cli.main import run

    def call(*words: object) -> Called:
        capsys.readouterr()
        return Called(run([str(word) for word in words]), *capsys.readouterr())

    return call


@pytest.fixture()
def out(tmp_path: Path) -> Path:
    """Where `run_plates` puts its records."""
    return tmp_path / "runs"


@pytest.fixture()
def run_plates(
    call: Callable[..., Called],
    dataset: Callable[..., Path],
    out: Path,
    pixel_backbone: list[int],
) -> Callable[..., Called]:
    """`cadbench run` on three drawn categories; draw others first to have them instead."""

    def run(*words: object, **options: Any) -> Called:
        root = out.with_name("plates")
        if not root.exists():
            small = {"categories": ("apple", "bolt", "cork"), "train": 3, "good": 3, "defective": 4}
            dataset(**{**small, **options})
        given = ("--dataset", "folder", "--data-root", root, "--out", out)
        return call("run", *given, "--image-size", 64, "--device", "cpu", *words)

    return run
