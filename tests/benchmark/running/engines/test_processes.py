"""`--jobs`: cells in several processes on this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.benchmark.conftest import FINETUNE, SMALL, Called


def files(out: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(out)): file.read_bytes()
        for name in ("scores.parquet", "memory.parquet", "events.parquet", "maps.npy")
        for file in out.rglob(name)
    }


def test_cells_computed_in_two_processes_are_those_computed_in_one(
    run_plates: Callable[..., Called], call: Callable[..., Called], out: Path
) -> None:
    words = ["--method", "mecad", *SMALL, "--experts", "2", "--seeds", "0,1", *FINETUNE,
             "--match-memory", "mecad"]  # fmt: skip
    called = run_plates(*words, "--jobs", "2")
    assert called.code == 0
    for seed in (0, 1):  # what a worker says is repeated here
        assert f"alphabetical, seed {seed}: acc" in called.err
    both = files(out)
    assert run_plates(*words, "--overwrite").code == 0
    assert len(both) == 4 * len(list(out.rglob("run.json"))) > 0
    assert files(out) == both
    again = run_plates(*words, "--jobs", "2")
    assert "0 computed" in again.out


def test_the_first_failure_ends_the_run_in_one_line(
    run_plates: Callable[..., Called], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: Path
) -> None:
    (tmp_path / "failing.py").write_text(
        "from cadbench.methods.banks.finetune import FineTune\n"
        "class Failing(FineTune):\n"
        "    'Cannot learn.'\n"
        "    def observe(self, experience):\n"
        "        raise SystemExit(0)\n"
    )
    monkeypatch.chdir(tmp_path)
    called = run_plates("--method", "failing:Failing", "--seeds", "0-1", "--jobs", "2")
    assert called.code == 1
    assert called.err.splitlines()[-1].startswith(
        "error: method failing:Failing: observe raised SystemExit: 0"
    )
    assert "Traceback" not in called.err
    assert not list(out.rglob("run.json"))
