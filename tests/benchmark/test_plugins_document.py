"""docs/plugins.md as a new user follows it: every block runs, in order, in one folder."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from cadbench.benchmark.conformance.report import CHECKS

from tests.benchmark.cli.test_plugins import afresh, here, install_as_written, installed

DOCUMENT = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text("utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", DOCUMENT, re.DOTALL)

__all__ = ["afresh", "here", "installed"]


def test_every_block_of_the_document_runs_in_the_order_it_stands(
    call, here, installed, run_words, pixel_backbone, out
):
    words = iter(BLOCKS)
    for language, block in words:
        if language == "bash":
            for line in block.strip().splitlines():
                follow(line, call, here, installed, run_words, out)
        elif "def test_" in block:
            (here / "test_document.py").write_text(block)
            options = ["-q", "-p", "no:cacheprovider", f"--rootdir={here}"]
            assert pytest.main([*options, str(here / "test_document.py")]) == 0
        else:
            (here / "mean_method.py").write_text(block)


def follow(line, call, here, installed, run_words, out):
    command, *words = shlex.split(line)
    if command == "pip":
        assert words[:2] == ["install", "-e"]
        install_as_written(here / words[2], installed)
        return
    assert command == "cadbench"
    if words[0] == "run":
        words = [*run_words, "-q", *words[1:]]
    elif words[0] == "leaderboard":
        words += ["--out", str(out)]
    done = call(*words)
    said = [text for text in done.err.splitlines() if not text.startswith("checking ")]
    assert (done.code, said) == (0, []), (line, done)


def test_the_document_names_every_check_and_tolerance():
    from cadbench.benchmark.conformance.playback import ROUNDING
    from cadbench.benchmark.conformance.state_checks import MEMORY_TOLERANCE

    rows = re.findall(r"^\| `(\w+)` \| ", DOCUMENT.partition("## Rules")[2], re.MULTILINE)
    assert rows == list(CHECKS)
    assert f"within {MEMORY_TOLERANCE:.0%}".replace("%", " %") in DOCUMENT
    assert f"{ROUNDING:.0e}".replace("e-0", "e-") in DOCUMENT


def test_the_document_names_the_calls_of_the_interface():
    from cadbench.benchmark.interface.method import Method

    named = set(re.findall(r"`(\w+)[(`]", DOCUMENT))
    assert {name for name in vars(Method) if not name.startswith("_")} <= named


def test_only_cadbench_is_imported_in_the_document():
    for language, block in BLOCKS:
        if language == "python":
            imported = re.findall(r"^(?:from|import) (\w+)", block, re.MULTILINE)
            assert set(imported) <= {"cadbench", "dataclasses", "torch", "mean_method"}


def test_the_failing_example_of_the_document_fails(call):
    (name,) = re.findall(r"`cadbench check (cadbench\S+)`", DOCUMENT)
    assert call("check", name, "--only", "state").code == 1
