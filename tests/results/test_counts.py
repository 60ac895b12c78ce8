"""Numbers with their nouns."""

from __future__ import annotations

import pytest
from cadbench.results.counts import format_count, pluralize


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (1, "record", "1 record"),
        (0, "record", "0 records"),
        (7, "run", "7 runs"),
        (1, "category", "1 category"),
        (2, "category", "2 categories"),
        (2, "more category", "2 more categories"),
        (2, "key", "2 keys"),
    ],
)
def test_one_is_singular_and_all_other_numbers_are_plural(number, noun, text):
    assert format_count(number, noun) == text


def test_a_noun_alone_agrees_with_a_number_that_is_not_written():
    assert pluralize("seed", 1) == "seed"
    assert pluralize("seed", 3) == "seeds"
