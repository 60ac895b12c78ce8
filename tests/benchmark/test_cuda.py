"""CUDA: a cell run on it scores as on the CPU."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

pytestmark = pytest.mark.cuda


@pytest.fixture
def cuda():
    """The device; skips where there is none."""
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device is usable here")
    return torch.device("cuda")


@pytest.mark.parametrize("routing", ["oracle", "inferred"])
def test_a_mecad_cell_scores_on_cuda_as_on_the_cpu(study, cuda, routing):
    from cadbench.benchmark.features.feature_set import FeatureSet
    from cadbench.benchmark.running.evaluation.trial import Services
    from cadbench.benchmark.services.coresets.service import Coresets
    from cadbench.benchmark.services.neighbors.service import Neighbors

    built = study()
    features = built.features
    # Nothing is shared but the stored features: the selections are made on the device.
    moved = dataclasses.replace(
        built,
        features=FeatureSet(features.manifest, features.spec, cuda, features.cache),
        services=Services(Coresets(cuda), Neighbors()),
    )
    params = {"class_budget": 20, "expert_budget": 60, "experts": 2}
    cell = built.cell("mecad", routing=routing, params=params)
    here, there = built.evaluate(cell), moved.evaluate(cell)
    assert moved.features.patches("apple", "test").read([0]).device.type == "cuda"
    for one, other in zip(here.rows, there.rows, strict=True):
        assert one.keys() == other.keys()
        for category, scored in one.items():
            np.testing.assert_allclose(other[category].scores, scored.scores, rtol=1e-4)
            np.testing.assert_array_equal(other[category].routes, scored.routes)


def test_selection_runs_on_the_device_and_picks_what_the_cpu_picks(study, cuda):
    import torch
    from cadbench.benchmark.interface.experience import TrainExperience
    from cadbench.benchmark.services.coresets.service import Coresets

    built = study()
    source = built.features.patches("apple", "train")
    experience = TrainExperience(1, ("apple",), 0, {"apple": source}, {})
    here = Coresets(torch.device("cpu")).select(experience, "apple", 50)
    there = Coresets(cuda).select(experience, "apple", 50)
    assert there.vectors.device.type == "cuda"
    assert there.digest == here.digest


def test_a_backbone_extracts_on_cuda_what_it_extracts_on_the_cpu(cuda):
    import torch
    from cadbench.benchmark.data.images.preprocessing import Preprocessing
    from cadbench.benchmark.features.extractor import load_extractor
    from cadbench.benchmark.features.weights import Weights

    from tests.benchmark.samples import SPEC

    size = Preprocessing(resize=64, crop=64)
    spec = dataclasses.replace(SPEC, backbone="test_resnet", preprocessing=size, dtype="float32")
    rng = np.random.Generator(np.random.PCG64(0))
    pixels = torch.from_numpy(rng.integers(0, 256, (3, 3, 64, 64), dtype=np.uint8))
    here, there = (
        load_extractor(spec, Weights("random:0", seed=0), device).extract(pixels)
        for device in (torch.device("cpu"), cuda)
    )
    assert (there - here).abs().max() < 1e-4 * here.abs().max()
