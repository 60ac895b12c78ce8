"""What the documents name exists: paths, modules, commands with their options.

The changelog also names paths of the past.
"""

from __future__ import annotations

import re
import shlex
from importlib import import_module
from pathlib import Path

import click
import pytest
from cadbench.benchmark.cli.main import COMMANDS

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


BLOCK = re.compile(r"```bash\n(.*?)```", re.DOTALL)
COMMAND = re.compile(r"(?:^|[;&]\s*|\$ )(?:\S*/)?(cadbench [a-z][^#;&|>\n]*)", re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_every_command_of_a_document_is_understood(document):
    for block in BLOCK.findall(document.read_text("utf-8")):
        for line in COMMAND.findall(block.replace("\\\n", " ")):
            _, name, *words = shlex.split(line.replace("...", ""))
            assert name in COMMANDS, line
            command = import_module(COMMANDS[name][0], "cadbench.benchmark.cli").command
            if isinstance(command, click.Group):
                command = command.commands[words.pop(0)]
            known = {option for parameter in command.params for option in parameter.opts}
            given = {word.partition("=")[0] for word in words if word.startswith("--")}
            assert given <= known, (line, given - known)
