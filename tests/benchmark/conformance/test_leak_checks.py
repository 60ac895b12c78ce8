"""The controls of `cadbench check`: they find nothing as it is, and every leak that is planted."""

from __future__ import annotations

import collections
import dataclasses
import functools
import io
import itertools
import types
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cadbench.benchmark.conformance import cheats
from cadbench.benchmark.conformance.broken_mocks import good_mocks
from cadbench.benchmark.conformance.leak_checks import control_stream, run_control
from cadbench.benchmark.conformance.leak_walk import find_leak, reachable
from cadbench.benchmark.conformance.mock_stream import mock_stream
from cadbench.benchmark.conformance.report import check_method
from cadbench.benchmark.interface import opaque

ROUTINGS = ("oracle", "inferred")


@pytest.fixture
def leaky(monkeypatch: pytest.MonkeyPatch) -> None:
    """References that hold their value as an attribute."""

    class Clear(opaque.Opaque[Any]):
        value: Any

    def hold(value: Any) -> opaque.Opaque[Any]:
        clear = Clear()
        clear.value = value
        opaque._VALUES[opaque.weakref.ref(clear, opaque._forget)] = value
        return clear

    for module in ("interface.experience", "running.evaluation.lending"):
        monkeypatch.setattr(f"cadbench.benchmark.{module}.conceal", hold)


@pytest.mark.parametrize("cheat", cheats.CHEATS, ids=lambda cheat: cheat.__name__)
@pytest.mark.parametrize("routing", ROUTINGS)
def test_a_cheating_method_reaches_only_chance(cheat, routing, tmp_path):
    assert run_control(control_stream(tmp_path), cheat, routing) is None


@pytest.mark.parametrize("routing", ROUTINGS)
def test_content_hashes_as_ids_would_give_the_labels_away(routing, tmp_path):
    stream = dataclasses.replace(control_stream(tmp_path), method_ids=tuple)
    found = run_control(stream, cheats.KnowsTheIds, routing)
    assert found == f"finds labels under {routing} routing: AUROC 1.000"


def test_a_reachable_cache_folder_would_give_the_labels_away(leaky, tmp_path):
    stream = dataclasses.replace(control_stream(tmp_path), method_ids=tuple)
    found = run_control(stream, cheats.ReadsTheCache, "oracle")
    assert found == "finds labels under oracle routing: AUROC 1.000"


def test_reachable_storage_rows_would_give_the_categories_of_a_mixed_batch_away(leaky, tmp_path):
    found = run_control(control_stream(tmp_path), cheats.FollowsReferences, "inferred")
    assert found == "finds images of one category under inferred routing: AUROC 1.000"


def test_the_check_of_a_method_fails_where_cadbench_leaks(leaky):
    (result,) = check_method(good_mocks()[0], only=["leakage"]).results
    assert result.outcome == "failed"
    assert result.reason.startswith("cadbench itself leaks: a method can reach a ")


class Slotted:
    __slots__ = ("kept",)


class Plain:
    kept: object

    def method(self) -> None:
        pass

    @functools.cached_property
    def cached(self) -> object:
        return self.kept


def hiding_places(secret: object) -> dict[str, object]:
    """An object for each way to keep hold of another."""
    slotted, plain, later = Slotted(), Plain(), Plain()
    slotted.kept = plain.kept = later.kept = secret

    def generate() -> Iterator[int]:
        local = secret
        yield 1
        print(local)

    begun = generate()
    next(begun)

    def with_default(given: object = secret, *, named: object = None) -> None:
        pass

    def with_named_default(*, named: object = secret) -> None:
        pass

    return {
        "attribute": plain,
        "slot": slotted,
        "closure": lambda: secret,
        "default": with_default,
        "named default": with_named_default,
        "attribute of a function": types.SimpleNamespace(called=functools.wraps(plain.method)),
        "argument of a partial": functools.partial(print, secret),
        "keyword of a partial": functools.partial(print, end=secret),
        "bound method": plain.method,
        "bound built-in method": [secret].append,
        "generator": begun,
        "key": {secret: 1},
        "nested value": {"a": [({"b": collections.deque([secret])},)]},
        "set": frozenset({secret}),
        "iterator": itertools.chain(iter([1]), map(str, [secret])),
        "weak reference": weakref.ref(later),
        "object array": np.array([secret, None], dtype=object)[:1],
        "mapping proxy": types.MappingProxyType({"a": secret}),
        "kept alive": [later],
    }


@pytest.mark.parametrize("place", hiding_places(""))
def test_the_walk_finds_a_path_in_every_kind_of_place(place, tmp_path):
    places = hiding_places(tmp_path)  # all of them, since one keeps another alive
    assert find_leak(places[place])


def test_the_walk_finds_open_files_and_follows_no_class_and_no_global(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(3))
    assert find_leak([io.FileIO(tmp_path / "a.npy")])
    assert find_leak([np.load(tmp_path / "a.npy", mmap_mode="r")])
    assert not any(each is ROUTINGS for _, each in reachable(hiding_places, Plain()))


def test_an_avalanche_experience_leads_to_no_file():
    experience = next(mock_stream(train=2, side=4, dim=8).experiences(images=True))
    assert not find_leak(experience.as_avalanche("images"), experience.as_avalanche("patches"))


def test_ids_differ_between_runs_and_are_no_content_hashes():
    ids = []
    for stream in (mock_stream(test=2, side=4, dim=8), mock_stream(test=2, side=4, dim=8)):
        batches = [batch for _, batch in stream.test_batches()]
        assert [b.ids for b in batches] == [b.ids for _, b in stream.test_batches()]
        ids.append({identity for batch in batches for identity in batch.ids})
    contents = {item.content for item in mock_stream(test=2).features.manifest.items}
    assert not ids[0] & ids[1]
    assert not (ids[0] | ids[1]) & contents


def test_no_path_is_left_in_a_cheat_that_looks_for_folders():
    stream = mock_stream(train=2, test=2, side=4, dim=8)
    method = stream.build(cheats.ReadsTheCache)
    assert list(cheats.folders(method.context)) == []
    assert isinstance(stream.features.cache, Path)
