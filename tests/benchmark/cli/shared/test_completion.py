"""Which values a shell completes, without importing torch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cadbench.benchmark.cli.main import cli

from tests.results.conftest import make_record  # noqa: F401  (a fixture)


@pytest.fixture
def complete(monkeypatch):
    """The completions of the last word, as click finds them."""
    from click.shell_completion import ShellComplete

    monkeypatch.setenv("_CADBENCH_COMPLETE", "bash_complete")

    def complete(*words: str) -> list[str]:
        shell = ShellComplete(cli, {}, "cadbench", "_CADBENCH_COMPLETE")
        return [item.value for item in shell.get_completions(list(words[:-1]), words[-1])]

    return complete


def in_a_process(*words: str) -> str:
    """What a shell gets, and `torch` if it was imported."""
    code = "import sys; from cadbench.benchmark.cli.main import run; run(); print(*sys.modules)"
    env = {"_CADBENCH_COMPLETE": "bash_complete", "COMP_CWORD": str(len(words))}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **env, "COMP_WORDS": " ".join(["cadbench", *words])},
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[4],
    )
    return done.stdout


def test_parameters_of_the_given_methods_are_completed_without_torch():
    out = in_a_process("run", "--method", "padim", "--set", "")
    lines = out.splitlines()
    assert lines[:2] == ["plain,padim.dimensions", "plain,padim.regularisation"]
    assert not any(line.startswith("plain,mecad") for line in lines)
    assert not {"torch", "pandas"} & set(lines[-1].split())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["run", "--method", "padi"], ["padim", "padim_per_category"]),
        (["run", "--set", "mecad.replay_ra"], ["mecad.replay_ratio"]),
        (["run", "--protocol", "mvtec-vi"], ["mvtec-visa", "mvtec-visa-15-12"]),
        (["run", "--dataset", "mvtec,vi"], ["mvtec,visa"]),
        (["check", "finet"], ["finetune"]),
        (["data", "info", "bt"], ["btad"]),
        (["cache", "prune", "--kind", "c"], ["coresets"]),
    ],
)
def test_names_are_completed(complete, words, expected):
    assert complete(*words) == expected


def test_rows_methods_and_protocols_of_records_are_completed(complete, make_record, tmp_path):  # noqa: F811
    record = make_record()
    out = str(tmp_path / "runs")
    key = record.key[:8]
    assert complete("show", "--out", out, "") == ["mecad", key]
    assert complete("runs", "rm", "--out", out, key[:3]) == [key]
    assert complete("table", "--out", out, "main", "me") == ["mecad"]
    assert complete("runs", "ls", "--out", out, "--method", "") == ["mecad"]
    assert complete("compare", "--out", out, "--protocol", "") == [record.protocol]
    (record.path / "run.json").write_text("{")
    assert complete("show", "--out", out, "") == []
