"""The one-class SVM: our kernel sum against scikit-learn's, and what is fitted on what."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cadbench.benchmark.conformance.mock_stream import mock_stream
from cadbench.benchmark.interface.experience import TestBatch
from cadbench.benchmark.plugins.methods import load_method
from cadbench.methods.image_level.ocsvm import Ocsvm
from cadbench.methods.image_level.one_class_svm import fit_one_class_svm
from sklearn.svm import OneClassSVM


def taught(experiences=3, schedule="1x*", routing="oracle", seed=0, **params):
    stream = mock_stream(categories=3, side=3, dim=5)
    method = stream.build(Ocsvm, stream.resolved(Ocsvm, **params), routing=routing, seed=seed)
    for _, experience in zip(range(experiences), stream.experiences(schedule), strict=False):
        method.observe(experience)
    return stream, method


def embeddings(stream, *categories: str) -> np.ndarray:
    sources = [stream.features.patches(category, "train") for category in categories]
    return np.concatenate([s.read(range(len(s.ids))).double().mean(1).numpy() for s in sources])


def asked(method, stream, category: str, told: str | None = None):
    source = stream.features.patches(category, "test")
    patches = source.read(range(len(source.ids)))
    predicted = method.score(TestBatch(source.ids, told, lambda: patches, lambda: patches))
    return predicted, patches.double().mean(1).numpy()


@pytest.mark.parametrize("gamma", ["scale", "auto"])
@pytest.mark.parametrize("nu", [0.1, 0.5, 0.99])
def test_scores_are_scikit_learns_negative_decision_function_over_the_dual_sum(gamma, nu):
    rng = np.random.default_rng(3)
    values = rng.normal(2, 3, (30, 6)).astype(np.float32)
    machine = OneClassSVM(nu=nu, gamma=gamma).fit(values.astype(np.float64))
    ours = fit_one_class_svm(values, nu, gamma, torch.device("cpu"))
    others = rng.normal(2, 4, (12, 6))
    expected = -machine.decision_function(others) / machine.dual_coef_.sum()
    np.testing.assert_allclose(ours.scores(torch.from_numpy(others)), expected, atol=1e-9)
    assert float(ours.weights.sum()) == pytest.approx(1)
    assert len(ours.vectors) == len(machine.support_)


def test_equal_embeddings_can_be_fitted_and_score_the_same():
    ours = fit_one_class_svm(np.ones((5, 3), np.float32), 0.5, "scale", torch.device("cpu"))
    scores = ours.scores(torch.tensor([[1.0, 1.0, 1.0], [9.0, 9.0, 9.0]]).double())
    assert scores[0] < scores[1]


def test_the_newest_experience_alone_is_fitted_where_nothing_is_replayed():
    stream, method = taught(schedule="1-2", experiences=2, fit="newest")
    machine = OneClassSVM().fit(embeddings(stream, *stream.categories[1:]))
    predicted, values = asked(method, stream, stream.categories[0])
    expected = -machine.decision_function(values) / machine.dual_coef_.sum()
    np.testing.assert_allclose(predicted.image_scores, expected, atol=1e-5)
    assert method.memory().stored_vectors == method.memory().scoring_vectors


def test_replay_fits_all_new_images_and_the_stored_earlier_ones():
    stream, before = taught(experiences=2, budget=7)
    kept = before.replayed.copy()
    assert kept.shape == (7, 5)
    every = embeddings(stream, *stream.categories[:2]).astype(np.float32)
    assert {row.tobytes() for row in kept} <= {row.tobytes() for row in every}
    _, method = taught(experiences=3, budget=7)
    new = embeddings(stream, stream.categories[2]).astype(np.float32)
    machine = OneClassSVM().fit(np.concatenate([kept, new]).astype(np.float64))
    predicted, values = asked(method, stream, stream.categories[0])
    expected = -machine.decision_function(values) / machine.dual_coef_.sum()
    np.testing.assert_allclose(predicted.image_scores, expected, atol=1e-5)
    assert method.memory().stored_vectors == method.memory().scoring_vectors + 7


def test_the_replayed_sample_is_uniform_over_all_images_seen():
    first = embeddings(mock_stream(categories=3, side=3, dim=5), "anchor").astype(np.float32)
    known = {row.tobytes() for row in first}
    shares = [
        np.mean([row.tobytes() in known for row in taught(seed=seed, budget=8)[1].replayed])
        for seed in range(40)
    ]
    assert np.mean(shares) == pytest.approx(1 / 3, abs=0.07)


def test_one_svm_per_category_scores_its_own_and_without_the_oracle_the_lowest_score():
    stream, method = taught(fit="per_category", routing="inferred")
    category = stream.categories[1]
    machine = OneClassSVM().fit(embeddings(stream, category))
    told, values = asked(method, stream, category, category)
    expected = -machine.decision_function(values) / machine.dual_coef_.sum()
    np.testing.assert_allclose(told.image_scores, expected, atol=1e-5)
    assert set(told.route.tolist()) == {1}
    free, _ = asked(method, stream, category)
    every = torch.stack([one.scores(torch.from_numpy(values)) for one in method.svms])
    torch.testing.assert_close(free.image_scores, every.amin(0), rtol=0, atol=1e-6)
    assert free.route.tolist() == every.argmin(0).tolist()
    assert [expert.categories for expert in method.memory().experts] == [
        (name,) for name in stream.categories
    ]


def test_the_defaults_are_scikit_learns():
    params, default = load_method("ocsvm").Params(), OneClassSVM()
    assert (params.nu, params.gamma) == (default.nu, default.gamma)
