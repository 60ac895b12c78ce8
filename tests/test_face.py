"""The public face: every name loads on first use, and type checkers see the same names."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
import tomllib
from pathlib import Path

import cadbench
import pytest

from tests.conftest import draw_dataset

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", cadbench.__all__)
def test_every_public_name_can_be_imported(name):
    assert getattr(cadbench, name) is not None
    assert name in dir(cadbench)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'cadbench' has no attribute 'Methods'"):
        cadbench.Methods  # noqa: B018


def test_type_checkers_see_the_names_that_are_loaded():
    tree = ast.parse((ROOT / "__init__.py").read_text("utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name
    }
    assert seen == cadbench._MODULES
    assert cadbench.__all__ == [*cadbench._MODULES, "__version__"]


def test_the_version_is_that_of_pyproject():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert cadbench.__version__ == project["version"]


def test_importing_the_face_imports_no_library():
    code = (
        "import sys; before = set(sys.modules); import cadbench; new = set(sys.modules) - before; "
        "print({name.split('.')[0] for name in new} - sys.stdlib_module_names)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "{'cadbench'}"


def test_a_dataset_opens_with_public_names(tmp_path, cache):
    folder = draw_dataset(tmp_path / "plates", ("apple", "bolt"), train=2, good=1, defective=1)
    manifest = cadbench.open_dataset("folder", folder)
    assert manifest.categories == ("apple", "bolt")
    assert cadbench.open_dataset("folder", folder, ["bolt"]).categories == ("bolt",)


def test_public_functions_and_classes_are_documented():
    for name in cadbench._MODULES:
        assert inspect.getdoc(getattr(cadbench, name)), name
