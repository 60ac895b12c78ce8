"""Timing with caches off: everything is computed again, and the record says what it took."""

from __future__ import annotations

from cadbench.benchmark.running.evaluation import timing as timing_module
from cadbench.benchmark.running.evaluation.timing import (
    IMAGES,
    REPEATS,
    choose_images,
    measure_timing,
)
from cadbench.benchmark.services.neighbors.search import exact_search
from cadbench.benchmark.services.neighbors.service import Neighbors

from tests.benchmark.conftest import FINETUNE


def test_every_repeat_searches_again_and_every_experience_is_timed(study, monkeypatch):
    built = study()
    searched = []

    def watched(queries, vectors, query_rows):
        searched.append(len(query_rows))
        return exact_search(queries, vectors, query_rows)

    cell = built.cell("finetune", params={"bank_budget": 20})
    monkeypatch.setattr(timing_module, "Neighbors", lambda: Neighbors(watched))
    timing = measure_timing(cell, built.stream(), built.features)
    assert len(timing["update_seconds"]) == 4
    assert min(timing["update_seconds"]) > 0
    assert timing["images"] == 36
    assert sum(searched) == REPEATS * 36 * 64
    assert timing["ms_per_image"] > 0


def test_the_images_take_the_categories_in_turn_and_stop_at_their_number(study):
    built = study(good=12, defective=12)
    places = choose_images(built.stream(), built.features)
    assert len(places) == IMAGES
    assert [category for category, _ in places[:4]] == list(built.manifest.categories)
    assert len(set(places)) == IMAGES


def test_a_timed_run_records_and_shows_its_timing(run_plates):
    assert "ms/image" not in run_plates(*FINETUNE).out
    timed = run_plates(*FINETUNE, "--time")
    assert "ms/image" in timed.out
    assert "1 computed" in timed.out
    assert "1 reused" in run_plates(*FINETUNE, "--time").out
