"""Fixtures of the tests of `cadbench export` and `import`."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cadbench.results.records.record import Record, load_record, run_text

from tests.benchmark.cli.test_errors import assert_refused
from tests.results import conftest as of_results
from tests.results import hostile

make_record = of_results.make_record

MAPS = np.ones((63, 2, 2), np.float16)
"""Of the scores after the last experience: three categories, 21 images each."""


_MADE = tempfile.TemporaryDirectory(prefix="cadbench-tests-")
_places: dict[str, list[Path]] = {}
_entries: dict[str, bytes] = {}


def made_once(name: str, out: Path, make: Callable[[], list[Record]]) -> list[Record]:
    """Make these records once per session; later copy them to `out`."""
    kept = Path(_MADE.name, name)
    if name not in _places:
        made = make()
        shutil.copytree(out, kept)
        _places[name] = [record.path.relative_to(out) for record in made]
        return made
    shutil.copytree(kept, out)
    return [load_record(out / place) for place in _places[name]]


@pytest.fixture
def records(make_record, out):
    """Two seeds of one method with maps, and one of another without."""
    return made_once("three", out, lambda: _three(make_record))


def _three(make_record):
    owner = {"apple": 0, "bolt": 0, "cork": 1}
    made = [make_record(owner=owner, maps=MAPS, seed=seed) for seed in (0, 1)]
    for record in made:
        run = {**record.run, "maps": "final"}
        (record.path / "run.json").write_bytes(run_text(run))
    return [*made, make_record(method="joint", params={})]


@pytest.fixture
def there(tmp_path):
    """Where records are imported."""
    return tmp_path / "theirs" / "runs"


@pytest.fixture
def exported(call, make_record, out, tmp_path):
    """The files of an honest export of one record."""
    made_once("one", out, lambda: [make_record(owner={"apple": 0, "bolt": 0, "cork": 1})])
    if not _entries:
        assert call("export", "all", "--to", tmp_path / "honest.zip", "--out", out).code == 0
        _entries.update(hostile.entries_of(tmp_path / "honest.zip"))
    return dict(_entries)


def files_under(folder: Path) -> dict[str, bytes]:
    """All files but locks, by relative path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


@pytest.fixture
def assert_nothing_gets_in(call, there, tmp_path):
    """Importing it is refused in one line, and nothing is written under --out or elsewhere."""

    def check(source: Path, *said: str, code: int = 1) -> None:
        before = set(tmp_path.rglob("*"))
        assert_refused(call("import", source, "--out", there), code, *said)
        assert {path for path in set(tmp_path.rglob("*")) - before if path != there.parent} == set()

    return check
