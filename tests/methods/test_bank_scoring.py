"""Scores from banks: each option against a plain version of its formula."""

from __future__ import annotations

import math

import pytest
import torch
from cadbench.benchmark.interface.context import MethodContext
from cadbench.benchmark.interface.experience import TestBatch
from cadbench.benchmark.interface.memory_block import Block
from cadbench.benchmark.plugins.methods import load_method
from cadbench.benchmark.services.neighbors import inverted_file
from cadbench.benchmark.services.neighbors.service import Neighbors
from cadbench.methods.bank_scoring import BankScorer, ScoringParams
from cadbench.methods.routing.nearest_squares import NearestSquares
from cadbench.methods.routing.scoring import score_with_banks
from cadbench.results.errors import UsageError

GRID = (3, 4)
GENERATOR = torch.Generator().manual_seed(0)
PATCHES = torch.randn(5, 12, 6, generator=GENERATOR)
PATCHES[3:] += 1
FIRST = [Block.of(torch.randn(count, 6, generator=GENERATOR)) for count in (14, 7)]
SECOND = [Block.of(torch.randn(9, 6, generator=GENERATOR) + 1)]


@pytest.fixture
def context():
    return MethodContext(
        seed=0,
        device=torch.device("cpu"),
        feature_dim=6,
        grid=GRID,
        routing="inferred",
        coresets=None,
        neighbors=Neighbors(),
        _record=lambda kind, values: None,
    )


@pytest.fixture
def batch():
    return TestBatch(tuple("abcde"), None, lambda: PATCHES, None)


def predict(context, batch, bank=FIRST, **params):
    scorer = BankScorer(ScoringParams(**params), context)
    return scorer.predict(batch, scorer.distances(batch, bank), [(bank, slice(None))])


def plain_distances(bank):
    vectors = torch.cat([block.vectors for block in bank]).double()
    gaps = PATCHES.double()[:, :, None] - vectors
    return gaps.square().sum(3).sqrt(), vectors


@pytest.mark.parametrize("neighbors", [1, 4, 50])
def test_lse_is_minus_the_log_of_the_sum_over_the_nearest_gaussians(context, batch, neighbors):
    distances, vectors = plain_distances(FIRST)
    nearest = distances.sort(2).values[:, :, :neighbors]
    expected = -((-nearest.square() / 2).exp() / len(vectors)).sum(2).log()
    found = predict(context, batch, patch_score="lse", lse_neighbors=neighbors)
    torch.testing.assert_close(found.maps.double(), expected.view(-1, *GRID), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(found.image_scores, found.maps.flatten(1).amax(1))


@pytest.mark.parametrize(("share", "count"), [(0.001, 1), (0.25, 3), (1.0, 12)])
def test_top_is_the_mean_of_the_highest_patches(context, batch, share, count):
    distances = plain_distances(FIRST)[0].amin(2)
    expected = [sum(sorted(row)[-count:]) / count for row in distances.tolist()]
    found = predict(context, batch, image_score="top", top_share=share)
    assert found.image_scores.tolist() == pytest.approx(expected, rel=1e-6)
    assert torch.equal(found.maps, predict(context, batch).maps)


@pytest.mark.parametrize("neighbors", [2, 5, 50])
def test_reweighted_is_equation_7_of_patchcore(context, batch, neighbors):
    distances, vectors = plain_distances(FIRST)
    expected = []
    for image, patches in enumerate(PATCHES.double()):
        nearest = distances[image].amin(1)
        patch = patches[nearest.argmax()]
        memory = vectors[distances[image, nearest.argmax()].argmin()]
        support = sorted(vectors.tolist(), key=lambda v: math.dist(v, memory.tolist()))[:neighbors]
        total = sum(math.exp(math.dist(patch.tolist(), vector)) for vector in support)
        score = float(nearest.max())
        expected.append((1 - math.exp(score) / total) * score)
    found = predict(context, batch, image_score="reweighted", reweight_neighbors=neighbors)
    assert found.image_scores.tolist() == pytest.approx(expected, rel=1e-5)
    assert torch.equal(found.maps, predict(context, batch).maps)


def test_reweighting_by_a_bank_of_one_vector_changes_nothing(context, batch):
    bank = [Block.of(torch.zeros(1, 6))]
    found = predict(context, batch, bank, image_score="reweighted")
    assert torch.equal(found.image_scores, predict(context, batch, bank).image_scores)


def test_reweighting_other_scores_than_plain_distances_is_refused():
    with pytest.raises(UsageError, match="set patch_score=nearest"):
        ScoringParams(image_score="reweighted", patch_score="lse")
    for option in {"image_score": "reweighted"}, {"search": "approximate"}:
        with pytest.raises(UsageError, match="leave radius at -1"):
            ScoringParams(**option, radius=2)


@pytest.mark.parametrize("params", [{}, {"patch_score": "lse"}, {"image_score": "reweighted"}])
def test_the_approximate_search_with_all_cells_gives_the_scores_of_the_exact_one(
    context, batch, params, monkeypatch
):
    monkeypatch.setattr(inverted_file, "SMALLEST_APPROXIMATE", 10)
    exact = predict(context, batch, **params)
    found = predict(context, batch, **params, search="approximate", probes=50)
    torch.testing.assert_close(found.image_scores, exact.image_scores)
    torch.testing.assert_close(found.maps, exact.maps)


@pytest.mark.parametrize(
    "params", [{}, {"patch_score": "lse"}, {"image_score": "reweighted"}, {"image_score": "top"}]
)
def test_routed_images_are_scored_as_by_their_own_bank(context, batch, params):
    banks = {3: FIRST, 5: SECOND}
    params = ScoringParams(**params)
    router = NearestSquares(context)
    found = score_with_banks(batch, banks, None, router, params)
    sums = torch.stack(
        [plain_distances(bank)[0].amin(2).square().sum(1) for bank in banks.values()]
    )
    assert found.route.tolist() == [(3, 5)[row] for row in sums.argmin(0)]
    assert set(found.route.tolist()) == {3, 5}
    for expert in banks:
        owned = score_with_banks(batch, banks, expert, router, params)
        rows = found.route == expert
        torch.testing.assert_close(found.image_scores[rows], owned.image_scores[rows])
        assert torch.equal(found.maps[rows], owned.maps[rows])


BANKS = ["patchcore", "replay", "pooled", "joint", "finetune", "per_category", "mecad"]


@pytest.mark.parametrize("name", BANKS)
def test_every_bank_has_the_scoring_options_and_leaves_them_out_of_keys_at_their_defaults(name):
    params = load_method(name).Params
    assert (
        not {"patch_score", "image_score", "top_share", "radius", "search", "probes"}
        & params().as_dict().keys()
    )
    assert params(image_score="top").as_dict()["image_score"] == "top"
