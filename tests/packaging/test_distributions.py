"""What the wheel and the source distribution contain."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.packaging.building import build, read_wheel, unpack_sdist

pytestmark = pytest.mark.packaging

PACKAGES = ("benchmark", "methods", "mecad", "results")
NOT_SHIPPED = {"results/LEADERBOARD.md"}


def expected_files(source: Path) -> set[str]:
    """Files of the checkout that belong into the wheel."""
    folders = (path for name in PACKAGES for path in (source / name).rglob("*"))
    files = {path.relative_to(source).as_posix() for path in folders if path.is_file()}
    files = {name for name in files if "__pycache__" not in name} - NOT_SHIPPED
    board = ("results/leaderboard/", (".json", ".toml"))  # the data of the project's own board
    files = {name for name in files if not (name.startswith(board[0]) and name.endswith(board[1]))}
    return files | {"__init__.py", "__main__.py", "py.typed"}


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(source, wheel):
    shipped = read_wheel(wheel)
    inside = {name.removeprefix("cadbench/") for name in shipped if name.startswith("cadbench/")}
    assert inside == expected_files(source)
    outside = {name.split("/")[0] for name in shipped} - {"cadbench"}
    assert [name.endswith(".dist-info") for name in outside] == [True]
    assert shipped[f"{outside.pop()}/top_level.txt"].split() == [b"cadbench"]
    assert {Path(name).suffix for name in inside} >= {".toml", ".js", ".css", ".html", ".in"}


def test_the_wheel_built_from_the_source_distribution_is_the_same(source, wheel, tmp_path):
    sdist = build(source, "sdist", tmp_path / "sdist")
    unpacked = unpack_sdist(sdist, tmp_path / "unpacked")
    assert not {"tests", "docs", ".ci"} & {path.name for path in unpacked.iterdir()}
    again = build(unpacked, "wheel", tmp_path / "wheel")
    assert again.name == wheel.name
    assert read_wheel(again) == read_wheel(wheel)
