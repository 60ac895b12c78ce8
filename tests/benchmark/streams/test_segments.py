"""Which column each training image is of, as recorded for methods that find boundaries."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest
from cadbench.benchmark.running.evaluation.completed_events import segment_events
from cadbench.benchmark.streams.stream import Stream
from cadbench.benchmark.system.plugin_errors import PluginMistake
from cadbench.results.metrics.from_events.boundaries import boundaries_and_switches


@pytest.fixture
def blended(study):
    built = study(categories=("apple", "bolt", "cup"), train=8, good=1, defective=1)
    stream = Stream(built.manifest, built.stream().order, blend=0.5)

    def segments(routing="oracle", events=(), finds=True):
        trial = SimpleNamespace(
            cell=SimpleNamespace(routing=routing),
            method=SimpleNamespace(finds_boundaries=finds),
            log=SimpleNamespace(events=events),
            stream=stream,
            features=built.features,
        )
        return [
            [(event["category"], event["images"]) for event in segment_events(trial, experience)]
            for experience in stream.train_stream
        ]

    return segments


@pytest.mark.parametrize("routing", ["oracle", "inferred"])
def test_segments_are_the_late_the_own_and_the_early_images(blended, routing):
    assert blended(routing) == [
        [("apple", 6), ("bolt", 2)],
        [("apple", 2), ("bolt", 4), ("cup", 2)],
        [("bolt", 2), ("cup", 6)],
    ]


def test_methods_that_find_no_boundaries_have_no_segments(blended):
    assert blended(finds=False) == [[], [], []]


@pytest.mark.parametrize("image", [0, 9, 2.0, None])
def test_a_switch_needs_its_place_in_the_experience(blended, image):
    with pytest.raises(PluginMistake, match=r"needs image.*1 to 8"):
        blended(events=[{"kind": "switch", "image": image}])


def test_a_run_records_boundaries_and_the_costs_of_each_experience(study):
    built = study(categories=("apple", "bolt"), train=4, good=1, defective=1)
    done = built.evaluate(built.cell("feature_ae+tame", params={"epochs": 1, "batch_size": 2}))
    boundaries, switches = boundaries_and_switches(pd.DataFrame(done.events))
    assert boundaries == [4]
    assert all(1 <= switch <= 8 for switch in switches)
    for step in done.steps:
        stored = next(row for row in step.memory if row["expert"] == -1)["stored_bytes"]
        assert step.costs["network_bytes"] + step.costs["other_bytes"] == stored > 0
        assert step.costs["parameters_trained"] > 0
        assert step.costs["seconds"] == step.observe_seconds
        assert step.costs["gpu_bytes"] is None
