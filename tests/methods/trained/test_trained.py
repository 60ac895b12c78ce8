"""Trained detectors with continual strategies: what they learn, store and forget."""

from __future__ import annotations

import copy
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from cadbench.benchmark.conformance.mock_stream import mock_stream
from cadbench.benchmark.conformance.report import check_method
from cadbench.benchmark.interface.context import MethodContext
from cadbench.results.errors import CadbenchError

from tests.methods.trained.training import (
    BUFFERED,
    CLASSES,
    QUICK,
    built,
    distance,
    first_batch,
    parameters,
    taught,
    training_patches,
)

# --- what is recorded


@pytest.mark.parametrize("name", ["feature_ae+naive", "stfpm+ewc", "feature_ae+joint"])
def test_the_loss_of_each_epoch_is_recorded_and_changes_no_score(stream, name, monkeypatch):
    epochs = QUICK[name.split("+")[0]]["epochs"]
    recorded = []
    with monkeypatch.context() as patch:
        patch.setattr(
            MethodContext, "record", lambda self, kind, **values: recorded.append((kind, values))
        )
        method = taught(stream, name)
    assert [(kind, values["epoch"]) for kind, values in recorded] == [
        ("epoch", epoch) for _ in range(2) for epoch in range(1, epochs + 1)
    ]
    assert all(np.isfinite(values["loss"]) and values["loss"] > 0 for _, values in recorded)
    from cadbench.methods.trained.plugins.training import RecordedLoss

    for hook in ("after_training_iteration", "after_training_epoch"):
        monkeypatch.delattr(RecordedLoss, hook)
    silent = taught(stream, name)
    batch = first_batch(stream, method)
    assert torch.equal(method.score(batch).image_scores, silent.score(batch).image_scores)
    assert parameters(method).keys() == parameters(silent).keys()
    assert distance(method, silent) == 0


# --- detectors


def test_the_autoencoder_scores_by_its_largest_mean_squared_error(stream):
    method = taught(stream, "feature_ae+naive", 1)
    held = {name: value.numpy() for name, value in method.network.state_dict().items()}
    batch = first_batch(stream, method)
    values = patches = batch.patches.numpy().astype(np.float64)
    for part in ("encoder", "decoder"):
        for layer in (0, 3, 6):
            values = values @ held[f"{part}.{layer}.weight"].T + held[f"{part}.{layer}.bias"]
            if layer == 6:
                continue
            norm = {n: held[f"{part}.{layer + 1}.{n}"] for n in ("weight", "bias")}
            mean = held[f"{part}.{layer + 1}.running_mean"]
            deviation = np.sqrt(held[f"{part}.{layer + 1}.running_var"] + 1e-5)
            values = np.maximum((values - mean) / deviation * norm["weight"] + norm["bias"], 0)
    maps = np.square(values - patches).mean(2)
    answer = method.score(batch)
    np.testing.assert_allclose(answer.maps.flatten(1).numpy(), maps, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(answer.image_scores.numpy(), maps.max(1), rtol=1e-4)
    loss = np.square(method.network(batch.patches).detach().numpy()).sum(1)
    np.testing.assert_allclose(loss, maps.mean(1), rtol=1e-4)


@pytest.mark.parametrize("student", ["small", "same"])
def test_stfpm_multiplies_the_layers_squared_distances_of_unit_features(stream, student):
    method = taught(stream, "stfpm+naive", 1, student=student)
    batch = first_batch(stream, method)
    images = batch.images().float() / 255
    backbone = method.context.backbone()
    with torch.no_grad():
        learned = method.network.student(images * 2 - 1)
    product, loss = 1.0, 0.0
    for mine, theirs in zip(learned, backbone.maps(batch.images()), strict=True):
        a, b = (
            v / np.linalg.norm(v, axis=1, keepdims=True) for v in (mine.numpy(), theirs.numpy())
        )
        squared = np.square(a - b).sum(1) / 2  # (B, h, w)
        loss += squared.mean((1, 2))
        finer = torch.nn.Upsample(size=method.context.grid, mode="bilinear")
        product = product * finer(torch.from_numpy(squared)[:, None])[:, 0].numpy()
    answer = method.score(batch)
    np.testing.assert_allclose(np.square(answer.maps.numpy()), product, rtol=1e-3, atol=1e-7)
    np.testing.assert_array_equal(answer.image_scores, answer.maps.flatten(1).amax(1))
    errors = method.network(images).detach().numpy()
    np.testing.assert_allclose(np.square(errors).sum(1), loss, rtol=1e-3)


def test_training_lowers_the_loss_and_leaves_the_teacher_alone(stream):
    for name, epochs in (("feature_ae+naive", 30), ("stfpm+naive", 15)):
        losses = []
        for method in (taught(stream, name, 1), taught(stream, name, 1, epochs=epochs)):
            batch = first_batch(stream, method)
            inputs = batch.images().float() / 255 if method.uses_images else batch.patches
            with torch.no_grad():
                losses.append(float(method.network(inputs).square().sum(1).mean()))
        assert losses[1] < 0.8 * losses[0], name
    assert not any("teacher" in key for key in method.state_dict()["network"])


# --- strategies


@pytest.mark.parametrize(
    ("name", "strength", "firm"),
    [
        ("feature_ae+ewc", "ewc_lambda", 1e6),
        ("feature_ae+si", "si_lambda", 1e4),
        ("stfpm+si", "si_lambda", 1e2),
    ],
)
def test_penalties_reduce_changes_of_parameters(stream, name, strength, firm):
    naive = f"{name.split('+')[0]}+naive"
    start = taught(stream, naive, 1, epochs=10)
    free = distance(start, taught(stream, naive, epochs=10))
    unheld, held = (
        distance(start, taught(stream, name, epochs=10, **{strength: value}))
        for value in (0.0, firm)
    )
    assert unheld == pytest.approx(free)
    assert held < 0.8 * free


def test_lwf_keeps_the_outputs_of_the_old_network(stream):
    start = taught(stream, "feature_ae+naive", 1, epochs=20)
    new = training_patches(stream, stream.categories[1])
    moved = {}
    for alpha in (0.0, 100.0):
        method = taught(stream, "feature_ae+lwf", lwf_alpha=alpha, epochs=20)
        with torch.no_grad():
            moved[alpha] = float((method.network(new) - start.network(new)).square().sum())
    assert moved[100.0] < 0.5 * moved[0.0]
    naive = taught(stream, "feature_ae+naive")
    assert distance(naive, taught(stream, "feature_ae+lwf", lwf_alpha=0.0)) == 0


def test_replay_trains_on_stored_images_of_earlier_experiences(stream, monkeypatch):
    from cadbench.methods.trained.networks.autoencoder import PatchAutoencoder

    first, second = (
        stream.features.patches(c, "train").read(range(4)) for c in ("anchor", "button")
    )
    method = taught(stream, "feature_ae+replay", 1, mem_size=2)
    seen = []
    forward = PatchAutoencoder.forward
    monkeypatch.setattr(
        PatchAutoencoder, "forward", lambda self, x: (seen.extend(x), forward(self, x))[1]
    )
    (experience,) = (e for e in stream.experiences() if e.index == 2)
    kept = method.strategy_state["groups"][0]["values"].float()
    method.observe(experience)
    assert all(any(torch.equal(one, old) for old in first) for one in kept)
    assert sum(any(torch.equal(one, old) for old in kept) for one in seen) >= 3 * 2
    assert sum(any(torch.equal(one, new) for new in second) for one in seen) == 3 * 4
    assert [len(group["values"]) for group in method.strategy_state["groups"]] == [1, 1]


def test_replay_needs_no_room_for_every_experience(stream):
    method = taught(stream, "feature_ae+replay", 3, mem_size=2)
    assert sum(len(group["values"]) for group in method.strategy_state["groups"]) == 2


def test_cumulative_trains_further_on_the_union_of_all_images(stream):
    method = taught(stream, "feature_ae+cumulative", 1)
    union = next(iter(stream.experiences("2-1")))
    naive = built(stream, "feature_ae+naive")
    naive.load_state_dict({**method.state_dict(), "strategy": {}})
    again = copy.copy(union)
    again.index = 2
    naive.observe(again)
    assert distance(naive, taught(stream, "feature_ae+cumulative")) == 0


@pytest.mark.parametrize("detector", ["feature_ae", "stfpm"])
def test_joint_trains_a_new_network_as_if_all_images_came_in_one_experience(stream, detector):
    at_once = taught(stream, f"{detector}+naive", 1, "2-1")
    assert distance(taught(stream, f"{detector}+joint"), at_once) == 0


@pytest.mark.parametrize(
    ("detector", "image"), [("feature_ae", 16 * 8 * 2), ("stfpm", 3 * 32 * 32)]
)
def test_the_state_of_a_strategy_counts_as_stored(stream, detector, image):
    stored = {}
    for strategy in (name.split("+")[1] for name in CLASSES if name.startswith(detector)):
        options = {"mem_size": 3} if strategy in BUFFERED else {}
        report = taught(stream, f"{detector}+{strategy}", epochs=1, **options).memory()
        stored[strategy] = report.stored_bytes - report.scoring_bytes
        assert report.scoring_vectors == 0
    network = taught(stream, f"{detector}+naive", 1, epochs=1).network
    weights = sum(value.nbytes for value in network.parameters())
    assert stored["naive"] == stored["lwf"] == stored["tame"] == 0
    assert stored["cumulative"] == stored["joint"] == 8 * image
    assert stored["replay"] == 3 * (image + 4)
    assert stored["ewc"] == 3 * weights
    assert 0 < stored["si"] <= weights
    assert stored["mas"] == weights
    assert stored["agem"] == stored["mir"] == 3 * image
    assert stored["gss"] == 3 * image + 3 * 4
    assert stored["derpp"] > stored["mir"]
    assert stored["gpm"] > 0
    assert stored["seed_like"] > 0


# --- conformance


@pytest.mark.parametrize("name", ["feature_ae+ewc", "stfpm+replay"])
def test_conformance(name):
    few = mock_stream(train=2, test=2, side=4, dim=6)
    report = check_method(CLASSES[name], stream=few, **{**QUICK[name.split("+")[0]], "epochs": 1})
    assert report.passed, report


@pytest.mark.parametrize(
    "name",
    [
        *("feature_ae+si", "feature_ae+replay", "feature_ae+joint", "stfpm+lwf"),
        *(
            "stfpm+cumulative",
            "rd4ad+mas",
            "rd4ad+agem",
            "feature_ae+gpm",
            "uniad+gpm",
            "feature_ae+derpp",
        ),
        *("feature_ae+mir", "feature_ae+gss"),
    ],
)
def test_a_restored_method_learns_and_scores_like_one_that_was_not_interrupted(stream, name):
    report = check_method(
        CLASSES[name],
        stream=stream,
        only=["declaration", "state", "memory"],
        **{**QUICK[name.split("+")[0]], "epochs": 1},
    )
    assert report.passed, report


@pytest.mark.parametrize("name", ["feature_ae+naive", "stfpm+naive", "uniad+naive", "vae+naive"])
def test_training_and_scores_do_not_depend_on_the_number_of_threads(stream, name):
    before = torch.get_num_threads()
    methods, predictions = [], []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            methods.append(taught(stream, name, 1))
            predictions.append(methods[-1].score(first_batch(stream, methods[-1])))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert distance(*methods) == 0
    assert torch.equal(predictions[0].maps, predictions[1].maps)


def test_diverging_training_is_an_error(stream):
    with pytest.raises(CadbenchError, match=r"training diverged in experience 2.*lower"):
        taught(stream, "stfpm+si", epochs=10, si_lambda=1e6)


def test_training_prints_nothing_and_warns_of_nothing(stream, capfd, recwarn):
    for name in ("feature_ae+replay", "stfpm+joint"):
        taught(stream, name)
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list


def test_every_strategy_of_every_detector_is_installed():
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    points = project["project"]["entry-points"]["cadbench.methods"]
    named = {name: target for name, target in points.items() if "+" in name}
    assert named == {n: f"{kind.__module__}:{kind.__name__}" for n, kind in CLASSES.items()}


# --- precision, and batches on the device


@pytest.mark.parametrize(
    "name", ["feature_ae+naive", "stfpm+naive", "feature_ae+tame", "moead+naive"]
)
def test_mixed_precision_changes_training_a_little_and_scoring_not(stream, name):
    exact, mixed = (taught(stream, name, 1, precision=each) for each in ("float32", "mixed"))
    assert 0 < distance(exact, mixed) < 0.5 * distance(exact, built_untrained(stream, name))
    assert all(value.dtype == torch.float32 for value in mixed.network.parameters())
    batch = first_batch(stream, mixed)
    scores = mixed.score(batch).image_scores
    mixed.network.mixed = False
    assert torch.equal(scores, mixed.score(batch).image_scores)


def built_untrained(stream, name):
    method = built(stream, name)
    method.network = method.untrained()
    return method


def test_full_precision_is_left_out_of_a_cell(stream):
    assert "precision" not in built(stream, "stfpm+ewc").params.as_dict()
    assert built(stream, "stfpm+ewc", precision="mixed").params.as_dict()["precision"] == "mixed"


def test_arrays_on_the_device_give_the_same_items(stream):
    from cadbench.benchmark.interface.avalanche import hold_on_device
    from cadbench.benchmark.interface.opaque import reveal

    (first, *_) = stream.experiences()
    sources = [stream.features.patches(category, "train") for category in first.categories]
    assert hold_on_device(sources, torch.device("cpu"), 0) == {}
    dataset = first.as_avalanche("patches").dataset
    rows = reveal(dataset._datasets[0]._rows)
    read = [dataset[index][0] for index in range(len(dataset))]
    rows._held = hold_on_device(sources, torch.device("cpu"), 2**30)
    assert all(torch.equal(dataset[index][0], value) for index, value in enumerate(read))
