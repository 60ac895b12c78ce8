"""`--cells`: what a file of cells must hold, and what may stand beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.benchmark.cli.test_errors import assert_refused
from tests.benchmark.conftest import SMALL, Called

Run = Callable[..., Called]


def edited(cells: list[dict[str, Any]], **changes: Any) -> list[dict[str, Any]]:
    return [{**cell, **changes} for cell in cells]


@pytest.fixture
def cells(run_plates: Run) -> list[dict[str, Any]]:
    written: list[dict[str, Any]] = json.loads(
        run_plates(*SMALL, "--dry-run", "--format", "json").out
    )
    return written


@pytest.fixture
def run_cells(run_words: list[str], call: Run, tmp_path: Path) -> Run:
    """`cadbench run -q --cells` on a file of this text."""
    words = [word for word in run_words if word not in ("--image-size", "64")]

    def run(text: str, *more: object) -> Called:
        file = tmp_path / "cells.json"
        file.write_text(text)
        return call(*words, "-q", "--cells", file, *more)

    return run


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "[1]", '[{"schema": 1}]', "[" * 9999])
def test_a_file_that_holds_no_cells_is_wrong_usage(run_cells, out, text):
    assert_refused(run_cells(text), 2)
    assert not out.exists()


def test_cells_of_other_images_methods_or_versions_are_wrong_usage(run_cells, cells, out):
    assert_refused(run_cells(json.dumps(edited(cells, manifest="0" * 64))), 2, "other images")
    unknown = edited(cells, method={**cells[0]["method"], "name": "mecda"})
    assert_refused(run_cells(json.dumps(unknown)), 2, "did you mean mecad?")
    older = edited(cells, method={**cells[0]["method"], "version": "0"})
    assert_refused(run_cells(json.dumps(older)), 2, "another version")
    other = edited(cells, features={**cells[0]["features"], "weights": "0" * 64})
    assert_refused(run_cells(json.dumps(other)), 2, "other weights", "--weights")
    assert_refused(run_cells(json.dumps([*cells, *other])), 2, "different features")
    assert not list(out.rglob("*.parquet"))


def test_an_option_that_is_part_of_a_cell_is_refused_with_cells(run_cells, cells):
    for option in (
        ["--experts", "3"],
        ["--seeds", "1"],
        ["--method", "joint"],
        ["--unseen", "all"],
    ):
        assert_refused(run_cells(json.dumps(cells), *option), 2, option[0], "--cells")


def test_a_missing_file_of_cells_is_wrong_usage(call):
    assert_refused(call("run", "--cells", "none.json"), 2, "--cells none.json", "No such file")
