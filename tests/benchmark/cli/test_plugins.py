"""Plugins on the command line: written, found, checked, run; broken ones break nothing else."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cadbench.benchmark.plugins import methods as registry
from cadbench.benchmark.system import entry_points
from cadbench.results.records.store import find_records

from tests.benchmark.cli.test_errors import assert_refused
from tests.benchmark.cli.test_main import HEAVY, LOADED
from tests.benchmark.conftest import FINETUNE, Called

Call = Callable[..., Called]

LAST = """
from cadbench.benchmark.conformance.mocks import MockBank

class Last(MockBank):
    '''The newest category.'''
    def observe(self, experience):
        self.blocks = []
        super().observe(experience)

class Other(MockBank):
    '''Of another name.'''
    routings = ("oracle",)

class Failing(MockBank):
    '''Fails in mid-run.'''
    def score(self, batch):
        return self.nothing
"""


@pytest.fixture(autouse=True)
def afresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget what was found and loaded, before and after."""

    def forget() -> None:
        entry_points.providers.cache_clear()
        registry.load_method.cache_clear()
        registry._by_reference.clear()

    modules = set(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))
    forget()
    yield
    forget()
    for name in set(sys.modules) - modules:
        if not name.startswith("cadbench."):
            where = getattr(sys.modules[name], "__file__", None) or ""
            if "pytest-" in where:
                del sys.modules[name]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder of the test's own, and absent from the path."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Install a package as pip would leave it: a module, and metadata with the entry points."""

    def install(package: str, code: str = "", points: str = "", module: str = "") -> None:
        site = tmp_path / f"site-{package}"
        info = site / f"{package.replace('-', '_')}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[cadbench.methods]\n{points}\n")
        if module:
            (site / f"{module}.py").write_text(code)
        monkeypatch.syspath_prepend(site)
        entry_points.providers.cache_clear()

    return install


def install_as_written(folder: Path, installed: Callable[..., None]) -> None:
    """`pip install -e` for a package that `new-method` wrote, without pip."""
    project = tomllib.loads((folder / "pyproject.toml").read_text())
    (points,) = project["project"]["entry-points"].values()
    assert project["tool"]["setuptools"]["package-dir"] == {"": "src"}
    lines = "\n".join(f"{name} = {target}" for name, target in points.items())
    installed(project["project"]["name"], points=lines)
    sys.path.append(str(folder / "src"))


# --- new-method


def test_a_new_method_is_found_checked_tested_and_run_as_it_was_written(
    call, here, installed, run_plates, out
):
    wrote = call("new-method", "my-method")
    assert wrote.code == 0, wrote
    install_as_written(here / "my-method", installed)
    assert "size = 200" in call("methods", "my-method").out
    checked = call("check", "my-method")
    assert (checked.code, "0 failed" in checked.out) == (0, True), checked
    done = run_plates("-q", "--method", "my-method", "--set", "my-method.size=10,20")
    assert done.code == 0, done
    assert {record.method for record in find_records(out)} == {"my-method"}
    options = ["-q", "-p", "no:cacheprovider", f"--rootdir={here}"]
    assert pytest.main([*options, str(here / "my-method")]) == 0


def test_the_written_code_is_short_and_clean_and_imports_only_cadbench(call, here):
    import ast
    import subprocess

    assert call("new-method", "abc_2d").code == 0
    code = (here / "abc_2d" / "src" / "abc_2d.py").read_text()
    imported = [n.module for n in ast.walk(ast.parse(code)) if isinstance(n, ast.ImportFrom)]
    assert sorted(imported) == ["cadbench", "dataclasses"]
    body = code[code.index("class Abc2d(") :]
    assert len([line for line in body.splitlines() if line.strip()]) <= 32
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--line-length", "100", "."]
    checked = subprocess.run([*ruff, "--select", "E,F,W"], capture_output=True, text=True, cwd=here)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("My Method", ["how about my-method?"]),
        ("3d", ["starts with a letter"]),
        ("../up", ["lower-case letters"]),
        ("a:b", ["lower-case letters"]),
        ("", ["lower-case letters"]),
        ("class", ["is a Python keyword or module"]),
        ("json", ["is a Python keyword or module"]),
        ("mecad", ["cadbench", "already has a method 'mecad'"]),
        ("per-category", ["has a method 'per_category'"]),
        ("numpy", ["module 'numpy' is already installed"]),
        ("results", ["module 'results' is already installed"]),
        ("there", ["there already exists"]),
        ("a-file", ["a-file already exists"]),
    ],
)
def test_a_bad_or_taken_name_is_refused_and_nothing_is_written(call, here, name, said):
    (here / "there").mkdir()
    (here / "a-file").write_text("mine")
    before = sorted(here.rglob("*"))
    assert_refused(call("new-method", name), 2, *said)
    assert sorted(here.rglob("*")) == before


def test_a_package_that_cannot_be_written_whole_is_not_written_at_all(call, here, monkeypatch):
    write = Path.write_text

    def full(self: Path, *args: object) -> int:
        if self.name.startswith("test_"):
            raise OSError(28, "No space left on device")
        return write(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "write_text", full)
    assert_refused(call("new-method", "mine"), 1, "No space left on device")
    assert list(here.iterdir()) == []


# --- package.module:Class


def test_a_class_runs_without_being_installed_and_its_record_has_the_name_as_written(
    call, here, run_plates, out
):
    (here / "mine.py").write_text(LAST)
    words = ("-q", "--method", "mine:Last", *FINETUNE, "--set", "Last.size=7")
    assert run_plates(*words).code == 0
    assert sys.path[-1] == str(here)
    (record,) = [record for record in find_records(out) if record.method == "mine:Last"]
    assert record.params["size"] == 7
    assert record.path.parent.name.startswith("mine-Last-")
    again = run_plates("-v", "--method", "mine:Last", "--set", "mine:Last.size=7")
    assert "already computed, reusing the record" in again.err
    assert call("show", "mine:Last", "--out", out).code == 0
    compared = call("compare", "mine:Last:size=7", "finetune", "--out", out)
    assert compared.code == 0, compared
    assert_refused(call("compare", "mine:Last:sise=7", "finetune", "--out", out), 2, "mean size?")
    assert "mine:Last" in call("table", "--out", out, "--methods", "mine:Last").out


def test_cells_written_for_a_class_run_elsewhere(call, here, run_plates, run_words, out):
    (here / "mine.py").write_text(LAST)
    cells = run_plates("--method", "mine:Last", "--dry-run", "--format", "json").out
    (here / "cells.json").write_text(cells)
    words = [word for word in run_words if word not in ("--image-size", "64")]
    assert call(*words, "-q", "--cells", "cells.json").code == 0
    assert [record.method for record in find_records(out)] == ["mine:Last"]


def test_reading_records_imports_nothing_that_only_a_record_names(call, here, run_plates, out):
    (here / "mine.py").write_text(LAST)
    assert run_plates("-q", "--method", "mine:Last").code == 0
    (here / "mine.py").write_text("raise RuntimeError('imported')")
    sys.modules.pop("mine")
    registry.load_method.cache_clear()
    registry._by_reference.clear()
    shown = call("leaderboard", "--out", out)
    assert (shown.code, shown.err) == (0, "")
    assert "mine:Last" in shown.out
    assert "mine" not in sys.modules


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("mine:", 2, ["package.module:Class"]),
        (":Last", 2, ["package.module:Class"]),
        ("mine:Last:more", 2, ["package.module:Class"]),
        ("absent:Last", 2, ["module 'absent' is neither installed", "current folder"]),
        ("mine:Lats", 1, ["no attribute 'Lats'", "mine.py"]),
        ("mine:MockBank.size", 2, ["package.module:Class"]),
        ("json:dumps", 1, ["not a subclass of cadbench.Method"]),
        ("ends:Last", 1, ["SystemExit: bye"]),
        ("needs:Last", 1, ["No module named 'gone'"]),
    ],
)
def test_an_unavailable_class_is_a_one_line_error(call, here, name, code, said):
    (here / "mine.py").write_text(LAST)
    (here / "ends.py").write_text("raise SystemExit('bye')")
    (here / "needs.py").write_text("import gone")
    assert_refused(call("check", name), code, *said)


def test_a_file_in_the_current_folder_never_stands_in_for_an_installed_module(call, here):
    (here / "json.py").write_text("raise RuntimeError('mine')")
    (here / "mine.py").write_text(LAST + "\nimport json\njson.dumps({})\n")
    assert call("methods", "mine:Last").code == 0


def test_a_class_in_the_current_folder_is_preferred_to_an_installed_module(
    call, here, tmp_path, monkeypatch
):
    other = tmp_path / "site" / "laboratory"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text("raise RuntimeError('the other laboratory')")
    monkeypatch.syspath_prepend(other.parent)
    (here / "laboratory").mkdir()
    (here / "laboratory" / "mine.py").write_text(LAST)
    assert call("methods", "laboratory.mine:Last").code == 0


def test_set_by_an_ambiguous_class_name_requires_the_full_name(run_plates, here):
    for module in ("one", "two"):
        (here / f"{module}.py").write_text(LAST)
    words = ("--method", "one:Last", "--method", "two:Last", "--set", "Last.size=3")
    assert_refused(run_plates("-q", *words), 2, "one:Last or two:Last", "full name")


# --- routings, failures


def test_an_unsupported_routing_is_refused_before_anything_is_read(run_plates, here, out):
    (here / "mine.py").write_text(LAST)
    refused = run_plates("-q", "--method", "mine:Other", "--routing", "inferred")
    assert_refused(refused, 2, "mine:Other does not support inferred routing", "--routing oracle")
    assert not out.exists()


def test_a_method_that_fails_in_a_run_is_named_with_its_line(run_plates, here, monkeypatch):
    (here / "mine.py").write_text(LAST)
    refused = run_plates("-q", "--method", "mine:Failing")
    line = 1 + LAST[: LAST.index("self.nothing")].count("\n")
    said = "method mine:Failing: score raised AttributeError: 'Failing' object has no attribute"
    assert_refused(refused, 1, said, f"(mine.py, line {line})", "cadbench check mine:Failing")
    monkeypatch.setenv("CADBENCH_DEBUG", "1")
    with pytest.raises(Exception, match="mine:Failing"):
        run_plates("-q", "--method", "mine:Failing")


# --- check


def test_check_prints_a_table_and_ends_with_1_where_a_check_failed(call):
    checked = call(
        "check", "cadbench.benchmark.conformance.broken_mocks:Modest", "--only", "memory"
    )
    assert (checked.code, checked.err) == (1, "checking memory\n")
    assert "0 passed, 1 failed, 0 skipped" in checked.out
    assert "| memory | failed | memory() says 5120 bytes" in checked.out


def test_check_takes_one_value_of_a_parameter(call):
    words = ("check", "cadbench.benchmark.conformance.mocks:MockBank", "--only", "memory")
    assert call(*words, "--set", "MockBank.size=3").code == 0
    assert_refused(call(*words, "--set", "MockBank.size=3,4"), 2, "a single value")
    assert_refused(call(*words, "--set", "MockBank.size=0"), 2, "at least 1")


# --- broken and rival plugins


BAD = {
    "abstract": "from cadbench import Method\nclass M(Method): pass",
    "undecorated": (
        "from cadbench import Params, param\n"
        "from cadbench.benchmark.conformance.mocks import MockBank\n"
        "class P(Params):\n    size: int = param(1, 'size')\nclass M(MockBank): Params = P"
    ),
    "odd_default": (
        "from dataclasses import dataclass\nfrom cadbench import Params, param\n"
        "from cadbench.benchmark.conformance.mocks import MockBank\n@dataclass(frozen=True)\n"
        "class P(Params):\n    size: int = param(0, 'size', low=1)\nclass M(MockBank): Params = P"
    ),
    "odd_version": (
        "from cadbench.benchmark.conformance.mocks import MockBank\nclass M(MockBank): version = 2"
    ),
    "odd_routing": (
        "from cadbench.benchmark.conformance.mocks import MockBank\n"
        "class M(MockBank): routings = ('told',)"
    ),
    "raising": "raise RuntimeError('first\\nsecond')",
    "ending": "import sys; sys.exit(3)",
}


def test_broken_plugins_are_listed_with_their_errors_and_disturb_nothing_else(
    call, installed, run_plates, out
):
    for name, code in BAD.items():
        installed(f"bad-{name}", code, f"{name} = {name}_module:M", f"{name}_module")
    listed = call("methods")
    assert (listed.code, listed.err) == (0, "")
    for name in BAD:
        assert f"{name}\n  broken: method '{name}' ({name}_module:M)" in listed.out
    for said in (
        "does not define load_state_dict, memory",
        "decorate P with",
        "0 is not a whole number",
    ):
        assert said in listed.out
    assert "bank_budget = 2400" in listed.out
    assert run_plates(*FINETUNE, "-q").code == 0
    assert call("leaderboard", "--out", out).code == 0
    assert_refused(run_plates("-q", "--experts", "2", *FINETUNE), 2, "none of finetune", "mecad")
    for name in BAD:
        assert_refused(call("check", name), 1, f"method '{name}'")


def test_a_record_of_a_method_that_is_broken_by_now_is_still_shown(
    call, installed, run_plates, out, here
):
    code = LAST.replace("class Last(MockBank):", "class Last(MockBank):\n    resolve = R")
    code = "class R:\n    pass\n" + code
    installed("ours", LAST, "ours = ours_module:Last", "ours_module")
    assert run_plates("-q", "--method", "ours").code == 0
    (here.with_name("site-ours") / "ours_module.py").write_text(code)
    sys.modules.pop("ours_module")
    registry.load_method.cache_clear()
    shown = call("leaderboard", "--out", out)
    assert (shown.code, shown.err) == (0, "")
    assert "ours" in shown.out


def test_two_plugins_of_one_name_are_an_error_that_names_both_where_it_is_used(
    call, installed, run_plates
):
    installed("first-one", LAST, "rival = first_module:Last", "first_module")
    installed("second-one", LAST, "rival = second_module:Last", "second_module")
    said = ("'rival' is provided by", "first-one 1.0", "second-one 1.0", "uninstall one of them")
    assert_refused(call("check", "rival"), 1, *said)
    assert_refused(run_plates("-q", "--method", "rival"), 1, *said)
    listed = call("methods").out
    assert all(text in listed for text in said)
    assert run_plates(*FINETUNE, "-q").code == 0
    assert call("methods", "first_module:Last").code == 0


def test_metadata_that_cannot_be_read_hides_only_its_own_package(call, installed):
    installed("garbled", points="no equals sign here")
    installed("whole", LAST, "whole = whole_module:Last", "whole_module")
    listed = call("methods").out
    assert "whole (version 1)" in listed
    assert "mecad (version " in listed


# --- start-up


def test_listing_a_plugin_that_imports_no_torch_imports_none(installed, tmp_path):
    import os
    import subprocess

    installed("light", "", "light = light_module:M", "light_module")
    (tmp_path / "site-light" / "light_module.py").write_text(
        "from dataclasses import dataclass\nfrom cadbench import Method, Params, param\n"
        "@dataclass(frozen=True)\nclass P(Params):\n    size: int = param(1, 'its size', low=1)\n"
        "class M(Method):\n    '''Light.'''\n    Params = P\n"
        "    def observe(self, e): ...\n    def score(self, b): ...\n    def memory(self): ...\n"
        "    def state_dict(self): ...\n    def load_state_dict(self, s): ...\n"
    )
    path = os.pathsep.join([str(tmp_path / "site-light"), *filter(None, sys.path)])
    for words in (["methods"], ["methods", "light"], ["check", "--help"], ["new-method", "json"]):
        ran = subprocess.run(
            [sys.executable, "-c", LOADED, *words],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        assert "its size" in ran.stdout or words[0] != "methods"
        loaded = ran.stderr.strip().splitlines()[-1]
        assert not [name for name in HEAVY if f"'{name}'" in loaded], words
