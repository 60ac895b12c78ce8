"""docs/python.md and docs/study.ipynb as a user follows them: every block runs, in order."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path

import cadbench
import pytest
from cadbench.benchmark.data.readers.synthetic import Synthetic

from tests.benchmark.cli.test_plugins import afresh, here
from tests.conftest import pixel_features

DOCS = Path(__file__).parents[2] / "docs"
DOCUMENT = (DOCS / "python.md").read_text("utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", DOCUMENT, re.DOTALL)
NOTEBOOK = json.loads((DOCS / "study.ipynb").read_text("utf-8"))
MODULE = re.compile(r"# (\w+\.py)\n")

__all__ = ["afresh", "here"]


@pytest.fixture
def session(here, cache, call, monkeypatch):
    """Execute blocks in one namespace and folder; few images and a fast backbone."""
    from cadbench.benchmark.features.feature_set import FeatureSet

    entries = Synthetic.entries
    monkeypatch.setattr(
        Synthetic,
        "entries",
        lambda *given: [each for each in entries(*given) if int(Path(each.path).stem) < 3],
    )
    compute = lambda pixels: pixel_features(pixels, grid=28)  # noqa: E731
    monkeypatch.setattr(FeatureSet, "_extractor", lambda self, weights: compute)
    monkeypatch.syspath_prepend(str(here))
    names = {"__name__": "__main__"}

    def execute(language, block):
        if language == "toml":
            assert block in (here / "study.toml").read_text("utf-8")
        elif language == "bash":
            for line in block.strip().splitlines():
                command, *words = shlex.split(line)
                assert command == "cadbench"
                done = call(*words, *["-q"] * (words[0] == "run"))
                assert done.code == 0, (line, done)
        elif module := MODULE.match(block):
            (here / module[1]).write_text(block[module.end() :], "utf-8")
        else:
            exec(compile_block(block), names)
        return names

    return execute


def compile_block(block):
    return compile(block, "block", "exec", dont_inherit=True)


def test_every_block_of_the_document_runs(session):
    for language, block in BLOCKS:
        names = session(language, block)
    assert len(names["results"].where(experts=[1, 2])) == 4
    assert len(names["both"]) == len(names["results"])
    assert Path("logs").is_dir()
    assert Path("main.tex").is_file()


def test_the_document_names_what_is_public():
    named = set(re.findall(r"`(?:cadbench\.)?(\w+)`", DOCUMENT.rpartition("## Names")[2]))
    assert named - {"__all__"} <= set(cadbench.__all__)


def test_the_notebook_runs_and_holds_no_output(session):
    cells = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
    for cell in cells:
        assert (cell["outputs"], cell["execution_count"]) == ([], None)
        source = "".join(cell["source"])
        if source.startswith("!"):
            session("bash", source.removeprefix("!").replace("\\\n", " "))
        else:
            names = session("python", source)
    assert (names["count"].computed, names["count"].reused) == (2, 8)
    assert "keys" in "".join(cells[-1]["source"])
    assert sys.getsizeof(json.dumps(NOTEBOOK)) < 500_000
