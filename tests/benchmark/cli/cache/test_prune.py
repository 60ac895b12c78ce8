"""`cadbench cache`: sizes, what is deleted after a question, and that it is computed again."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

import pytest
from cadbench.benchmark.features.feature_set import FeatureSet
from cadbench.benchmark.features.weights import Weights
from cadbench.benchmark.system.cache.contents import list_entries
from cadbench.benchmark.system.reporting import Silent
from cadbench.results.records.store import find_records

from tests.benchmark.conftest import SMALL

DAY = 86400.0


def age_everything(cache: Path, days: float) -> None:
    """Make the cache look as if it was last used long ago, by no running process."""
    for lock in (cache / "processes").glob("*"):
        lock.unlink()
    for entry in list_entries(cache):
        os.utime(entry.path, (0, time.time() - days * DAY))


def kinds(cache: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for entry in list_entries(cache):
        if entry.kind != "libraries":
            found.setdefault(entry.kind, set()).add(entry.path.name)
    return found


@pytest.fixture
def old(cache: Path) -> Path:
    """Two files of 1 and 2 KB, last used 10 and 40 days ago."""
    for name, size, days in (("coresets/a", 1000, 10), ("masks/b", 2000, 40)):
        path = cache / name
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x" * size)
        os.utime(path, (0, time.time() - days * DAY))
    return cache


def test_a_run_computes_again_every_kind_that_was_pruned(run_plates, call, cache, out):
    words = [*SMALL, "--keep-distances", "1", "-q"]
    assert run_plates(*words).code == 0
    before = kinds(cache)
    assert set(before) == {"features", "coresets", "distances", "manifests", "masks"}
    (record,) = find_records(out)
    scores = record.scores
    age_everything(cache, days=2)
    assert call("cache", "prune", "--older-than", "1d", "--yes").code == 0
    assert not kinds(cache)
    assert run_plates(*words, "--overwrite").code == 0
    assert kinds(cache) == before
    (record,) = find_records(out)
    assert record.scores.equals(scores)


def opened_again(features: FeatureSet, cache: Path, *, pixels: bool) -> FeatureSet:
    """The features as another process opens them."""
    again = FeatureSet(features.manifest, features.spec, features.device, cache)
    again.ensure(features.manifest.categories, Weights("0" * 64), Silent(), pixels=pixels)
    return again


def test_features_and_images_that_were_pruned_are_computed_again(study, call, cache):
    features = study(masks=False).features
    before = features.pixels("apple", "test").read([0]), features.patches("apple", "test").read([0])
    age_everything(cache, days=2)
    assert call("cache", "prune", "--kind", "pixels", "--kind", "features", "--yes").code == 0
    assert set(kinds(cache)) == {"manifests"}
    again = opened_again(features, cache, pixels=True)
    after = again.pixels("apple", "test").read([0]), again.patches("apple", "test").read([0])
    assert all((old == new).all() for old, new in zip(before, after, strict=True))


def test_features_that_a_process_has_opened_are_kept(study, call, cache):
    features = study(masks=False).features
    age_everything(cache, days=2)
    again = opened_again(features, cache, pixels=False)
    assert call("cache", "prune", "--older-than", "1d", "--yes").code == 0
    assert set(kinds(cache)) == {"features"}
    again.patches("apple", "test").read([0])


def test_size_lists_kinds_with_files_and_last_use(old, call):
    out = call("cache", "size").out
    assert re.search(r"\| coresets +\| .* \| +1 \| 1.00 KB \| +10d ago \|", out)
    assert re.search(r"\| masks +\| .* \| +1 \| 2.00 KB \| +40d ago \|", out)
    found = json.loads(call("cache", "size", "--format", "json").out)
    assert found["kinds"]["masks"]["bytes"] == 2000
    assert found["kinds"]["masks"]["files"] == 1
    assert found["cache"] == str(old)


def test_a_dry_run_deletes_nothing(old, call):
    done = call("cache", "prune", "--older-than", "30d", "--dry-run")
    assert "dry run: 1 file (2.00 KB) would be deleted" in done.out
    assert set(kinds(old)) == {"coresets", "masks"}


def test_without_a_terminal_nothing_is_deleted_unless_yes_is_given(old, call):
    done = call("cache", "prune", "--max-size", "1KB")
    assert done.code == 2
    assert done.err == (
        "error: nothing was deleted: there is no terminal to ask on; pass --yes to delete 1 file "
        "(2.00 KB)\n"
    )
    assert set(kinds(old)) == {"coresets", "masks"}
    done = call("cache", "prune", "--max-size", "1KB", "--yes")
    assert done.out.endswith("deleted 1 file (2.00 KB); 1.00 KB left\n")
    assert set(kinds(old)) == {"coresets"}


def test_what_was_used_in_the_last_hour_is_kept_and_named(old, call):
    os.utime(old / "masks" / "b")
    done = call("cache", "prune", "--kind", "masks", "--yes")
    assert done.out == (
        f"kept: 1 file (2.00 KB) used in the last hour\nnothing to delete in {old}\n"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "choose what to delete with --older-than 30d, --max-size 5GB or --kind KIND"),
        (["--older-than", "30"], "'30' is not an age; write 12h, 30d or 2w"),
        (["--max-size", "5 apples"], "'5 apples' is not a size; write 500MB or 5GB"),
        (["--kind", "feature"], "'feature' (did you mean features?) is not one of"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(call, words, message):
    done = call("cache", "prune", *words)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert message in done.err


def test_the_answer_no_deletes_nothing(old, call, monkeypatch):
    from cadbench.benchmark.cli.shared import confirmation

    monkeypatch.setattr(confirmation.sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(confirmation.click, "confirm", lambda question: False)
    done = call("cache", "prune", "--older-than", "1d")
    assert (done.code, done.err) == (1, "error: not confirmed; nothing was deleted\n")
    assert set(kinds(old)) == {"coresets", "masks"}
