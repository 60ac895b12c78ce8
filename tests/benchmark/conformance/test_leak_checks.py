"""The controls of `cadbench check`: they find nothing as it is, and every leak that is planted."""

from __future__ import annotations

import dataclasses
import functools
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cadbench.benchmark.conformance import cheats
from cadbench.benchmark.conformance.broken_mocks import good_mocks
from cadbench.benchmark.conformance.leak_checks import control_stream, run_control
from cadbench.benchmark.conformance.leak_walk import find_leak
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


class Holder:
    def __init__(self, held: object) -> None:
        self.held = held

    def method(self) -> None:
        pass


@pytest.mark.parametrize("kind", ["path", "file", "memory map"])
@pytest.mark.parametrize("place", ["partial", "closure", "bound method", "generator"])
def test_the_walk_finds_a_path_and_an_open_file_in_every_place(kind, place, tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(3))
    secret: object = tmp_path
    if kind == "file":
        secret = io.FileIO(tmp_path / "a.npy")
    elif kind == "memory map":
        secret = np.load(tmp_path / "a.npy", mmap_mode="r")

    def generate() -> Any:
        local = secret
        yield 1
        print(local)

    begun = generate()
    next(begun)
    places = {
        "partial": functools.partial(print, secret),
        "closure": lambda: secret,
        "bound method": Holder(secret).method,
        "generator": begun,
    }
    assert find_leak(places[place])
    assert not find_leak(Holder("text").method, [1], {"a": (2,)})


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
