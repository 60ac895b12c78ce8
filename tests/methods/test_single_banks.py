"""The single-bank baselines: what each keeps, and within which budget."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmark.method import MethodContext, TestBatch
from benchmark.registry import load_method
from methods.memory_bank import taken
from results.errors import UsageError


@pytest.fixture
def taught(study):
    """taught(name, seed=0, categories=3, **params): the method after so many categories."""
    from benchmark.method import TrainExperience

    built = study(train=6)

    def teach(name, *, seed=0, categories=3, **params):
        context = MethodContext(
            seed=seed,
            device=torch.device("cpu"),
            feature_dim=built.features.shape[1],
            grid=built.features.grid,
            routing="oracle",
            coresets=built.services.coresets,
            neighbours=built.services.neighbours,
            _record=lambda kind, values: None,
        )
        kind = load_method(name)
        method = kind(kind.Params(**params), context)
        method.study = built
        for index, category in enumerate(built.manifest.categories[:categories]):
            source = {category: built.features.patches(category, "train")}
            method.observe(TrainExperience(index + 1, (category,), index, source, {}))
        return method

    return teach


def vectors(blocks) -> np.ndarray:
    return torch.cat([block.vectors for block in blocks]).numpy()


def all_patches(method, category) -> np.ndarray:
    source = method.study.features.patches(category, "train")
    return source.read(range(len(source.ids))).reshape(-1, method.context.feature_dim).numpy()


def rows_within(some: np.ndarray, all_of: np.ndarray) -> bool:
    known = {row.tobytes() for row in all_of}
    return all(row.tobytes() in known for row in some)


def test_finetune_remembers_the_newest_category_only(taught):
    method = taught("finetune", bank_budget=25)
    assert vectors(method.bank).shape == (25, 6)
    assert rows_within(vectors(method.bank), all_patches(method, "cork"))


def test_patchcore_merges_coresets_until_the_budget_and_selects_again_beyond_it(taught):
    assert vectors(taught("patchcore", class_budget=20, bank_budget=70).bank).shape[0] == 60
    method = taught("patchcore", class_budget=20, bank_budget=50)
    bank = vectors(method.bank)
    assert len(bank) == 50
    for category in ("apple", "bolt", "cork"):
        assert any(rows_within(row[None], all_patches(method, category)) for row in bank)


def test_joint_selects_from_the_candidates_of_every_category_seen(taught):
    method = taught("joint", candidates=30, bank_budget=40)
    report = method.memory()
    assert (report.scoring_vectors, report.stored_vectors) == (40, 90)
    assert report.stored_bytes == 90 * 6 * 4
    union = np.concatenate([all_patches(method, c) for c in ("apple", "bolt", "cork")])
    assert rows_within(vectors(method.bank), union)


def test_exact_joint_is_the_greedy_selection_over_all_patches(taught):
    from benchmark.services.k_center import greedy_k_center, nearest_to_mean

    method = taught("joint", exact=True, bank_budget=12, categories=2)
    union = np.concatenate([all_patches(method, c) for c in ("apple", "bolt")])
    picks = greedy_k_center(union, 12, nearest_to_mean(union))
    expected = {union[pick].tobytes() for pick in picks}
    assert {row.tobytes() for row in vectors(method.bank)} == expected


def test_replay_holds_the_new_coreset_and_only_older_patches_besides(taught):
    method = taught("replay", class_budget=20, bank_budget=50)
    assert rows_within(vectors(method.newest), all_patches(method, "cork"))
    old = np.concatenate([vectors(sample.vectors) for sample in method.replayed])
    assert len(old) == 30
    assert rows_within(old, np.concatenate([all_patches(method, c) for c in ("apple", "bolt")]))


def test_replays_reservoir_is_the_smallest_priorities_over_all_old_patches(taught):
    method = taught("replay", class_budget=20, bank_budget=60, seed=5)
    drawn = {
        category: method.context.rng("reservoir", category).random(6 * 64)
        for category in ("apple", "bolt")
    }
    limit = np.sort(np.concatenate(list(drawn.values())))[39]
    expected = {c: np.sort(values[values <= limit]) for c, values in drawn.items()}
    for sample in method.replayed:
        np.testing.assert_array_equal(sample.priorities, expected[sample.category])
        order = np.argsort(drawn[sample.category], kind="stable")[: len(sample.priorities)]
        np.testing.assert_array_equal(
            vectors(sample.vectors), all_patches(method, sample.category)[order]
        )


def test_replays_reservoir_is_uniform_over_old_patches(taught):
    shares = []
    for seed in range(40):
        method = taught("replay", class_budget=20, bank_budget=52, seed=seed)
        counts = {sample.category: len(sample.priorities) for sample in method.replayed}
        shares.append(counts.get("apple", 0) / 32)
    assert np.mean(shares) == pytest.approx(0.5, abs=0.06)


def test_replay_without_room_for_old_patches_is_refused():
    with pytest.raises(UsageError, match="no room for old patches"):
        load_method("replay").Params(class_budget=400, bank_budget=400)


def test_scores_are_the_largest_distance_of_a_patch_to_the_bank(taught):
    method = taught("finetune", bank_budget=25)
    patches = torch.rand(3, 64, 6)
    batch = TestBatch(("x", "y", "z"), None, lambda: patches, lambda: patches)
    predicted = method.score(batch)
    distances = torch.cdist(patches.double(), method.bank[0].vectors.double()).amin(2)
    torch.testing.assert_close(
        predicted.image_scores.double(), distances.amax(1), rtol=1e-6, atol=1e-7
    )
    torch.testing.assert_close(
        predicted.maps.double(), distances.reshape(3, 8, 8), rtol=1e-6, atol=1e-7
    )


@pytest.mark.parametrize(
    ("name", "vectors", "expected"),
    [
        ("patchcore", 900, {"bank_budget": 900}),
        ("replay", 900, {"bank_budget": 900}),
        ("joint", 900, {"bank_budget": 900}),
        ("finetune", 900, {"bank_budget": 900}),
        ("per_category", 900, {"class_budget": 300}),
    ],
)
def test_matched_memory_sets_the_budget(name, vectors, expected):
    kind = load_method(name)
    matched = kind.with_memory(kind.Params(), vectors, 3)
    assert {key: getattr(matched, key) for key in expected} == expected


def test_taking_rows_keeps_whole_blocks_as_they_are():
    from benchmark.method import Block

    first = Block.of(torch.arange(6.0).reshape(3, 2))
    second = Block.of(torch.arange(8.0).reshape(4, 2) + 10)
    kept = taken([first, second], np.array([2, 0, 1, 5]))
    assert kept[0] is first
    np.testing.assert_array_equal(kept[1].vectors.numpy(), [[14.0, 15.0]])
    assert taken([first, second], np.array([3]))[0].vectors.tolist() == [[10.0, 11.0]]
