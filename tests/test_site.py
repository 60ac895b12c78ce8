"""The documentation site: the generated reference is complete, and every page has its place."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import cadbench
import pytest
from cadbench.benchmark.cli.main import COMMANDS
from cadbench.benchmark.plugins.methods import method_names
from cadbench.benchmark.protocols.builtin import builtin_names
from cadbench.results.metrics.registry import METRICS

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def reference():
    spec = importlib.util.spec_from_file_location("reference", ROOT / "docs/site/reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_has_every_command_metric_and_protocol(reference):
    commands, metrics, protocols = (
        reference.PAGES[page]() for page in ("commands", "metrics", "protocols")
    )
    assert all(f"\n#{'#'} cadbench {name}\n" in commands for name in COMMANDS)
    assert "`--routing" in commands
    assert "### cadbench data preview\n" in commands
    assert all(f"\n## `{name}`\n" in metrics for name in METRICS)
    assert all(f"| `{name}` |" in protocols for name in builtin_names())


def test_asterisks_in_cells_are_no_emphasis(reference):
    assert "1x*" not in (commands := reference.PAGES["commands"]())
    assert "1x&#42;" in commands


def test_the_reference_has_every_method_and_public_name(reference):
    methods, python = reference.PAGES["methods"](), reference.PAGES["python"]()
    for name in method_names():
        assert f"\n## `{name}`\n" in methods or f"| `{name}` |" in methods
    assert all(f"{{heading: cadbench.{name}," in python for name in ("Study", "Method", "param"))
    assert cadbench.__all__


def test_every_page_has_a_place_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text("utf-8").split("\nnav:")[1]
    for page in (ROOT / "docs").glob("*.md"):
        assert f": {page.name}\n" in navigation
