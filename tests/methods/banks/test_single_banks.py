"""The single-bank baselines: what each keeps, and within which budget."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cadbench.benchmark.interface.context import MethodContext
from cadbench.benchmark.interface.experience import TestBatch
from cadbench.benchmark.interface.method import CellFacts
from cadbench.benchmark.plugins.methods import load_method
from cadbench.methods.banks.memory_bank import take_rows
from cadbench.results.errors import UsageError


@pytest.fixture
def taught(study):
    """taught(name, seed=0, categories=3, **params): the method after so many categories."""
    from cadbench.benchmark.interface.experience import TrainExperience

    built = study(train=6)

    def teach(name, *, seed=0, categories=3, **params):
        context = MethodContext(
            seed=seed,
            device=torch.device("cpu"),
            feature_dim=built.features.shape[1],
            grid=built.features.grid,
            routing="oracle",
            coresets=built.services.coresets,
            neighbors=built.services.neighbors,
            _record=lambda kind, values: None,
        )
        kind = load_method(name)
        method = kind(kind.Params(**params), context)
        method.study = built

        def experience(category):
            index = built.manifest.categories.index(category)
            source = {category: built.features.patches(category, "train")}
            return TrainExperience(index + 1, (category,), index, source, {})

        method.experience = experience
        for category in built.manifest.categories[:categories]:
            method.observe(experience(category))
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


def test_joint_holds_the_coreset_of_every_category_seen(taught):
    method = taught("joint", class_budget=20)
    report = method.memory()
    assert (report.scoring_vectors, report.stored_vectors) == (60, 60)
    for category, block in zip(("apple", "bolt", "cork"), method.bank, strict=True):
        alone = taught("per_category", class_budget=20).banks
        assert block.digest in {bank.digest for bank in alone}
        assert rows_within(vectors([block]), all_patches(method, category))


def test_greedy_joint_selects_from_the_candidates_of_every_category_seen(taught):
    method = taught("joint", share="greedy", candidates=30, bank_budget=40)
    report = method.memory()
    assert (report.scoring_vectors, report.stored_vectors) == (40, 90)
    assert report.stored_bytes == 90 * 6 * 4
    union = np.concatenate([all_patches(method, c) for c in ("apple", "bolt", "cork")])
    assert rows_within(vectors(method.bank), union)


def test_exact_joint_is_the_greedy_selection_over_all_patches(taught):
    from cadbench.benchmark.services.coresets.k_center import greedy_k_center, nearest_to_mean

    method = taught("joint", share="greedy", exact=True, bank_budget=12, categories=2)
    union = np.concatenate([all_patches(method, c) for c in ("apple", "bolt")])
    picks = greedy_k_center(union, 12, nearest_to_mean(union))
    expected = {union[pick].tobytes() for pick in picks}
    assert {row.tobytes() for row in vectors(method.bank)} == expected


@pytest.mark.parametrize(
    "params", [{"bank_budget": 900}, {"exact": True}, {"share": "greedy", "class_budget": 9}]
)
def test_a_budget_of_joint_that_its_share_does_not_use_is_refused(params):
    with pytest.raises(UsageError, match=r"has no effect with share=\w+; add --set joint\.share="):
        load_method("joint").Params(**params)


def test_budgets_of_greedy_joint_are_not_in_the_key_of_equal_joint():
    kind = load_method("joint")
    params = kind.resolve(kind.Params(), CellFacts("x", "y", 3))
    assert params.as_dict() == {"share": "equal", "class_budget": 400}


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


SELECTORS = ["random", "greedy", "herding", "kmeans"]


@pytest.mark.parametrize("selector", SELECTORS)
def test_replays_older_categories_share_the_room_equally_and_keep_beginnings(taught, selector):
    """Room for 31 old patches: all are apple's, then 16 of them and 15 of bolt's, then 11, 10, 10;
    what a category keeps is the beginning of what was selected when it came."""
    method = taught("replay", class_budget=20, bank_budget=51, categories=1, selector=selector)
    experience = method.experience("apple")
    whole = method.context.coresets.select(experience, "apple", 31, selector=selector, seed=0)
    for categories, shares in ((2, [31]), (3, [16, 15]), (4, [11, 10, 10])):
        method = taught(
            "replay", class_budget=20, bank_budget=51, categories=categories, selector=selector
        )
        assert [len(sample.priorities) for sample in method.replayed] == shares
        held = vectors(method.replayed[0].vectors)
        np.testing.assert_array_equal(held, whole.vectors.numpy()[: shares[0]])
        assert method.memory().scoring_vectors == 51


def test_replays_random_shares_are_uniform_within_a_category(taught):
    """Of 384 patches a third is selected; the mean index over 30 seeds is in the middle."""
    places = []
    for seed in range(30):
        method = taught(
            "replay", class_budget=20, bank_budget=148, seed=seed, selector="random", categories=2
        )
        rows = {row.tobytes(): place for place, row in enumerate(all_patches(method, "apple"))}
        places += [rows[row.tobytes()] for row in vectors(method.replayed[0].vectors)]
    assert len(places) == 30 * 128
    assert np.mean(places) == pytest.approx(383 / 2, abs=10)


def test_the_default_selector_of_replay_is_not_in_keys_so_that_old_records_stay_valid():
    from cadbench.benchmark.interface.params import specs

    params = load_method("replay").Params
    assert params().as_dict() == {"bank_budget": 2400, "class_budget": 400}
    assert params(selector="herding").as_dict()["selector"] == "herding"
    assert "selector" in {spec.name for spec in specs(params)}


@pytest.mark.parametrize("selector", SELECTORS)
def test_the_pooled_bank_is_full_and_divided_equally_after_every_category(taught, selector):
    sizes = []
    for categories in (1, 2, 3, 4):
        method = taught("pooled", bank_budget=50, categories=categories, selector=selector)
        sizes.append([len(sample.priorities) for sample in method.samples])
        report = method.memory()
        assert (report.scoring_vectors, report.stored_vectors) == (50, 50)
    assert sizes == [[50], [25, 25], [17, 17, 16], [13, 13, 12, 12]]


def test_the_pooled_bank_holds_the_greedy_coreset_of_each_category_for_its_share(taught):
    method = taught("pooled", bank_budget=48, categories=3)
    for sample in method.samples:
        experience = method.experience(sample.category)
        coreset = method.context.coresets.select(experience, sample.category, 16)
        np.testing.assert_array_equal(vectors(sample.vectors), coreset.vectors.numpy())


def test_a_pooled_bank_with_large_shares_keeps_full_blocks_unchanged(taught):
    few = taught("pooled", bank_budget=700, categories=1)
    many = taught("pooled", bank_budget=700, categories=2)
    assert [len(block) for block in few.bank] == [256, 128]  # apple has 384 patches only
    assert many.bank[0].digest == few.bank[0].digest


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
        ("joint", 900, {"class_budget": 300}),
        ("pooled", 900, {"bank_budget": 900}),
        ("finetune", 900, {"bank_budget": 900}),
        ("per_category", 900, {"class_budget": 300}),
    ],
)
def test_matched_memory_sets_the_budget(name, vectors, expected):
    kind = load_method(name)
    matched = kind.with_memory(kind.Params(), vectors, 3)
    assert {key: getattr(matched, key) for key in expected} == expected


def test_matched_memory_sets_the_bank_of_greedy_joint():
    kind = load_method("joint")
    assert kind.with_memory(kind.Params(share="greedy"), 900, 3).bank_budget == 900


def test_taking_all_rows_of_a_block_returns_the_same_block():
    from cadbench.benchmark.interface.memory_block import Block

    first = Block.of(torch.arange(6.0).reshape(3, 2))
    second = Block.of(torch.arange(8.0).reshape(4, 2) + 10)
    kept = take_rows([first, second], np.array([2, 0, 1, 5]))
    assert kept[0] is first
    np.testing.assert_array_equal(kept[1].vectors.numpy(), [[14.0, 15.0]])
    assert take_rows([first, second], np.array([3]))[0].vectors.tolist() == [[10.0, 11.0]]
