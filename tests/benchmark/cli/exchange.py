"""Fixtures of the tests of `cadbench export` and `import`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cadbench.results.records.record import run_text

from tests.benchmark.cli.test_errors import assert_refused
from tests.results import conftest as of_results
from tests.results import hostile

make_record = of_results.make_record

MAPS = np.ones((63, 2, 2), np.float16)
"""Of the scores after the last experience: three categories, 21 images each."""


@pytest.fixture
def records(make_record):
    """Two seeds of one method with maps, and one of another without."""
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
    make_record(owner={"apple": 0, "bolt": 0, "cork": 1})
    assert call("export", "all", "--to", tmp_path / "honest.zip", "--out", out).code == 0
    return hostile.entries_of(tmp_path / "honest.zip")


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
