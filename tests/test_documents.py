"""Paths and modules that the documents name exist; the changelog also names those of the past."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    {*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("tests/*/*.md")}
    - {ROOT / "CHANGELOG.md"}
)
FOLDERS = "benchmark|methods|mecad|results|tests"
PATH = re.compile(rf"(?<![\w./-])((?:{FOLDERS})/[\w./-]*\w)")
MODULE = re.compile(rf"\bcadbench\.((?:{FOLDERS})(?:\.[a-z_]\w*)+)")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_every_named_path_and_module_exists(document):
    text = document.read_text("utf-8")
    paths = {path for path in PATH.findall(text) if "NAME" not in path}
    modules = {name.replace(".", "/") for name in MODULE.findall(text)}
    assert not {path for path in paths if not (ROOT / path).exists()}
    assert not {
        path for path in modules if not ((ROOT / path).is_dir() or (ROOT / f"{path}.py").is_file())
    }
