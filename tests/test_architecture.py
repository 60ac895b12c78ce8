"""The shape of the house: imports point one way, results never needs torch, nothing is shipped
that should not be."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = ["results", "benchmark", "methods", "mecad"]
"""Each may import itself and those before it."""


def imported(file: Path) -> set[str]:
    """Top-level packages that a file imports anywhere, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_point_one_way(layer):
    pass


def test_results_never_imports_torch():
    for file in (ROOT / "results").rglob("*.py"):
        assert not imported(file) & {"torch", "torchvision", "timm", "avalanche", "faiss"}, file


def test_the_runner_and_the_command_line_name_no_method_but_the_default():
    names = ("patchcore", "finetune", "per_category", "replay")
    for file in (ROOT / "benchmark").rglob("*.py"):
        strings = {
            node.value
            for node in ast.walk(ast.parse(file.read_text("utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        assert not strings & set(names), file


def test_opening_data_sets_names_none_but_a_folder():
    names = {"mvtec", "visa", "btad", "mpdd", "mvtec_loco", "real_iad", "synthetic"}
    for file in (ROOT / "benchmark" / "data").glob("*.py"):
        strings = {
            node.value
            for node in ast.walk(ast.parse(file.read_text("utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        assert not strings & names, file


def test_every_package_is_listed_for_the_wheel_and_tests_are_not():
    listed = set(
        tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    )
    present = {
        ".".join(("cadbench", *init.parent.relative_to(ROOT).parts))
        for layer in LAYERS
        for init in (ROOT / layer).rglob("__init__.py")
    }
    assert listed == present | {"cadbench"}
