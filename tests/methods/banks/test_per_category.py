"""A bank for each category: no forgetting with the oracle, routing without it."""

from __future__ import annotations

import numpy as np


def test_under_oracle_routing_no_later_category_changes_a_score(study):
    built = study()
    done = built.evaluate(built.cell("per_category", params={"class_budget": 20}))
    for index, category in enumerate(built.manifest.categories):
        own = built.evaluate(built.cell("finetune", params={"bank_budget": 20})).rows[index][
            category
        ]
        np.testing.assert_array_equal(done.rows[-1][category].scores, own.scores)


def test_each_bank_is_reported_as_an_expert(study):
    built = study()
    done = built.evaluate(built.cell("per_category", params={"class_budget": 20}))
    last = [row for row in done.memory if row["experience"] == 4]
    assert [(row["expert"], row["stored_vectors"]) for row in last] == [
        (-1, 80),
        (0, 20),
        (1, 20),
        (2, 20),
        (3, 20),
    ]


def test_inferred_routing_sends_most_images_to_their_own_bank(study):
    built = study()
    done = built.evaluate(
        built.cell("per_category", routing="inferred", params={"class_budget": 20})
    )
    names = list(built.manifest.categories)
    own = [np.mean(done.rows[-1][c].routes == names.index(c)) for c in names]
    assert np.mean(own) > 0.9
