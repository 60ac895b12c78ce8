"""A few tries of the campaign; the whole is `python -m tests.faults`."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.faults import damage
from tests.faults.campaign import PARTS, QUICK
from tests.faults.stage import METHODS, Stage, numbers, run_words, staging
from tests.faults.verdict import KILLED, Row

pytestmark = pytest.mark.xdist_group("one stage for all faults")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staging(tmp_path_factory.mktemp("faults")) as made:
        yield made


@pytest.mark.parametrize("part", QUICK)
def test_nothing_is_lost_wrong_or_unclear(stage: Stage, part: str) -> None:
    rows = list(PARTS[part](stage, True, 0))
    assert sum(row.tried for row in rows) > 0
    assert [note for row in rows for note in row.notes] == []
    assert all(row.clean for row in rows)
    if part.startswith("kills"):
        assert all(row.kills == row.tried for row in rows)


def test_a_damaged_file_of_each_kind_of_cache_is_named_and_rebuilt(stage: Stage) -> None:
    """All at once: what is damaged together is also made anew together."""
    whole = stage.undisturbed(*METHODS)
    place = stage.place(whole, runs=False)
    rng = random.Random(0)
    damaged = {}
    for pattern in damage.CACHES.values():
        file = min(place.cache.glob(pattern))
        damaged[file] = file.read_bytes()
        file.write_bytes(damage.flipped(damaged[file], rng))
    called = stage.call(place, run_words(place, *METHODS))
    assert called.code == 0
    assert all(str(file) in called.err for file in damaged)
    assert called.err.count("warning: ") == len(called.err.splitlines()) == len(damaged)
    assert numbers(place.runs) == numbers(whole.runs)
    assert {file: file.read_bytes() for file in damaged} == damaged


def test_the_judge_sees_what_is_lost_wrong_and_unclear(stage: Stage) -> None:
    whole = stage.undisturbed(*METHODS)
    expected = numbers(whole.runs)
    place = stage.place(whole)
    row = Row("one number differs, and a record is gone")
    first, second, _ = sorted(place.runs.rglob("scores.parquet"))
    first.write_bytes(first.read_bytes()[:-1] + b"?")
    second.with_name("run.json").unlink()
    row.look(place, expected, expected)
    assert (row.wrong, row.lost) == (1, 1)
    row.hear(stage.call(place, ["show", "nothing", "--out", place.runs]), place)
    assert row.unclear == 0
    called = stage.call(place, run_words(place, *METHODS))
    assert called.code == 1
    for err in ("error: a\nerror: b\n", "error: internal error: x\n", "Traceback\nerror: a\n", ""):
        row.hear(called._replace(err=err), place)
    row.hear(called._replace(code=70), place)
    row.hear(called._replace(code=KILLED[0], err="error: a\n"), place)
    assert row.unclear == 6
