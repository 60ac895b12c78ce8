"""The structure: imports follow the contracts, packages are small, and all of them are shipped."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from cadbench.benchmark.interface.params import specs
from cadbench.benchmark.plugins.methods import load_method, method_names

ROOT = Path(__file__).parents[1]
PACKAGES = ("results", "benchmark", "methods", "mecad")
LARGEST_PACKAGE = 12


def test_imports_keep_the_contracts_of_pyproject():
    linter = shutil.which("lint-imports", path=Path(sys.executable).parent)
    command = [linter] if linter else [sys.executable, "-c", CALL]
    done = subprocess.run(
        [*command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


CALL = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def test_no_package_has_more_files_than_a_reader_can_take_in():
    crowded = {
        folder.relative_to(ROOT).as_posix(): count
        for package in PACKAGES
        for folder in [ROOT / package, *(ROOT / package).rglob("*/")]
        if (count := len([f for f in folder.glob("*.py") if f.name != "__init__.py"]))
        > LARGEST_PACKAGE
    }
    assert not crowded


def strings(file: Path) -> set[str]:
    """All string constants of a file, such as `"experts"` in `getattr(params, "experts")`."""
    return {
        node.value
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def attributes_of_params(file: Path) -> set[str]:
    """Names that a file reads from parameters, such as `experts` in `cell.params.experts`."""
    return {
        node.attr
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Attribute)
        and (
            getattr(node.value, "attr", "") == "params" or getattr(node.value, "id", "") == "params"
        )
    }


def test_the_benchmark_names_no_method_but_the_default():
    names = set(method_names()) - {"mecad", "joint"}  # the default, and the bound in every table
    for file in (ROOT / "benchmark").rglob("*.py"):
        assert not strings(file) & names, file


@pytest.mark.parametrize(
    ("room", "allowed"),
    [
        ("running", set()),
        ("services", set()),
        ("protocols", set()),
        ("streams", set()),
        # The option --experts, and the column `threshold` of the recorded events.
        ("cli", {"experts", "threshold"}),
    ],
)
def test_the_runner_and_the_command_line_know_no_parameter_of_a_method(room, allowed):
    parameters = {
        spec.name for method in method_names() for spec in specs(load_method(method).Params)
    }
    assert {"experts", "class_budget", "router"} <= parameters
    for file in (ROOT / "benchmark" / room).rglob("*.py"):
        found = parameters & (strings(file) - allowed | attributes_of_params(file))
        assert not found, f"{file} names the parameter {found}"


def test_every_package_is_listed_for_the_wheel_and_tests_are_not():
    listed = set(
        tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    )
    present = {
        ".".join(("cadbench", *init.parent.relative_to(ROOT).parts))
        for package in PACKAGES
        for init in (ROOT / package).rglob("__init__.py")
    }
    assert listed == present | {"cadbench"}


def test_every_file_that_architecture_names_is_there():
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    named = set(re.findall(r"`((?:benchmark|methods|mecad|results|docs)/[\w./-]*)`", text))
    assert len(named) > 10
    assert not {name for name in named if "NAME" not in name and not (ROOT / name).exists()}


def test_architecture_names_every_room():
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    rooms = {
        f"`{folder.name}/`"
        for package in ("benchmark", "results")
        for folder in (ROOT / package).iterdir()
        if (folder / "__init__.py").exists()
    }
    assert not {room for room in rooms if room not in text}
