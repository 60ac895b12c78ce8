"""The command line as a whole: what it loads, what it says of itself, how it ends."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile

import cadbench
import pytest

LOADED = """
import sys
from cadbench.benchmark.cli.main import run
code = run(sys.argv[1:])
roots = {name.partition(".")[0] for name in sys.modules}
print(code, sorted(roots - sys.stdlib_module_names), file=sys.stderr)
"""

HEAVY = ("torch", "timm", "torchvision", "avalanche", "faiss", "pandas", "pyarrow", "numba")
HEAVY = (*HEAVY, "sklearn", "scipy")


def loaded_by(*words: str) -> tuple[int, set[str]]:
    """Exit code, and the packages outside the standard library that a fresh `cadbench` loads.

    In an empty folder: where there are records, a table of them is computed.
    """
    command = [sys.executable, "-c", LOADED, *words]
    with tempfile.TemporaryDirectory() as empty:
        ran = subprocess.run(command, cwd=empty, capture_output=True, text=True)
    code, _, packages = ran.stderr.strip().splitlines()[-1].partition(" ")
    return int(code), {name.strip("'[] ") for name in packages.split(",")}


@pytest.mark.parametrize("words", [["--help"], ["--version"]], ids=" ".join)
def test_help_and_version_load_nothing_but_click(words):
    code, packages = loaded_by(*words)
    assert code == 0
    added = packages - {"__main__", "cadbench", "click"}
    assert not {name for name in added if "_" not in name}, "of the environment only start-up hooks"


@pytest.mark.parametrize(
    "words",
    [["methods"], ["run", "--method", "mecda"], ["table", "published"], ["paper", "mecda"]],
    ids=" ".join,
)
def test_commands_that_compute_nothing_load_nothing_heavy(words):
    _, packages = loaded_by(*words)
    assert "click" in packages
    assert not packages & set(HEAVY)


def test_importing_cadbench_loads_nothing_and_every_public_name_is_there():
    script = (
        "import sys, cadbench; found = {'cadbench.benchmark', 'numpy', 'click'};"
        "print(sorted(set(sys.modules) & found))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
    assert all(getattr(cadbench, name) for name in dir(cadbench))


def test_cadbench_alone_shows_help_and_counts_as_wrong_usage(call):
    alone = call()
    assert alone.code == 2
    assert alone.out.startswith("Usage: cadbench")
    assert "leaderboard" in alone.out
    assert alone.err == ""


@pytest.mark.parametrize(
    "command", ["run", "methods", "data", "show", "table", "leaderboard", "paper"]
)
def test_every_command_is_listed_with_a_line_of_help(call, command):
    listed = [line.split() for line in call("--help").out.splitlines()]
    assert any(words[:1] == [command] and len(words) > 3 for words in listed)
    assert call(command, "--help").code == 0


def test_methods_lists_every_parameter_with_default_and_meaning(call):
    from cadbench.benchmark.interface.params import specs
    from cadbench.benchmark.plugins.methods import load_method

    shown = call("methods", "mecad").out
    for spec in specs(load_method("mecad").Params):
        assert f"{spec.name} = {spec.show(spec.default)}  [{spec.accepts}]" in shown
        assert spec.help in shown
    assert "patchcore" not in shown
    assert "patchcore" in call("methods").out


def test_a_reader_that_has_enough_ends_the_command_in_silence():
    command = [sys.executable, "-m", "cadbench", "metrics"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stderr is not None
        os.close(os.dup(writer.stdout.fileno()))
        writer.stdout.close()
        assert writer.stderr.read() == b""
        assert writer.wait(timeout=30) == 0


def test_quiet_says_nothing_but_the_summary_and_verbose_says_more(run_plates):
    from tests.benchmark.conftest import FINETUNE

    quiet = run_plates(*FINETUNE, "-q")
    assert (quiet.code, quiet.err) == (0, "")
    assert re.search(
        r"^1 record in .*/ \(1 computed, 0 reused\), [\d.]+ s$", quiet.out, re.MULTILINE
    )
    verbose = run_plates(*FINETUNE, "-v", "--overwrite")
    assert len(verbose.err.splitlines()) == 2
    again = run_plates(*FINETUNE, "-v")
    assert "already computed, reusing the record" in again.err
    assert "already computed, reusing the record" not in run_plates(*FINETUNE).err


def test_the_summary_says_where_the_records_are_and_what_the_threshold_decided(run_plates, out):
    from tests.benchmark.conftest import SMALL

    said = run_plates("--experts", "1,3", *SMALL, "--set", "mecad.threshold=0.1").out
    assert said.startswith("### Results: protocol plates-1x3-64-oracle@1, oracle")
    assert ", backbone tf_efficientnet_lite0 concat\n" in said
    for column in ("method", "parameters", "AUROC", "bwt", "fm", "stored vectors", "stored MB"):
        assert f" {column} " in said
    assert "utilization" in said
    assert "seconds" in said
    assert "gap_to_joint" not in said, "no joint was run"
    assert re.search(
        r"similarity threshold: \d of \d decisions? reused a similar expert, \d opened a new one "
        r"\(2 runs\)",
        said,
    )
    assert f"2 records in {out}/ (2 computed, 0 reused)" in said


def test_a_threshold_and_a_search_without_effect_are_named(run_plates):
    from tests.benchmark.conftest import SMALL

    said = run_plates(
        "--experts", "3", *SMALL, "--set", "threshold=1", "--set", "search=approximate"
    )
    assert "similarity threshold: no effect (1 run)" in said.out
    assert "search=approximate: no effect (1 run): no bank had 16,384 vectors" in said.out


def test_assignments_by_another_rule_are_no_decisions_of_the_threshold(run_plates, call, out):
    from tests.benchmark.conftest import SMALL

    rules = ["--set", "mecad.assignment=round_robin,given", "--set", "mecad.groups=apple/bolt+cork"]
    said = run_plates("--experts", "2", *SMALL, *rules).out
    assert "similarity threshold" not in said
    for rule in ("round_robin", "given"):
        assert f"assignment={rule}" in said
    shown = call("table", "assignments", "mecad:assignment=given", "--out", out).out
    assert shown.count("given: its group") == 3
    rules[1] = "mecad.assignment=similarity,given"
    both = run_plates("--experts", "2", *SMALL, *rules, "--set", "mecad.threshold=0.999").out
    assert "(1 run)" in both
    by_default = call("table", "assignments", "mecad:assignment=similarity", "--out", out).out
    assert "first category" in by_default


def test_data_info_shows_counts_hash_and_how_to_obtain_mvtec(call, plates):
    shown = call("data", "info", "--data-root", plates()).out
    assert "| apple    |     3 |         3 |              4 |     4 | 64x64 |" in shown
    assert "manifest " in shown
    assert "MVTec AD: " in shown


def test_help_without_docstrings_says_what_a_command_does_and_why_it_says_no_more(
    call, monkeypatch
):
    """As under `python -OO`."""
    from cadbench.benchmark.cli.runs import command

    for one in (command, command.commands["ls"]):
        monkeypatch.setattr(one, "help", None)
    assert "List, show and delete runs. (Python removed" in call("runs", "--help").out
    assert "-OO" in call("runs", "ls", "--help").out
