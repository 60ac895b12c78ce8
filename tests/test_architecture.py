"""The structure: imports follow the contracts, packages are small, and all of them are shipped."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

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
