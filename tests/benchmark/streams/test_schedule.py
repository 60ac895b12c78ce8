"""Schedules: what a text means, that writing it shortest changes nothing, and what is refused."""

from __future__ import annotations

import pytest
from cadbench.benchmark.streams.schedule import canonical, experience_sizes
from cadbench.results.counts import format_count
from cadbench.results.errors import UsageError
from hypothesis import given
from hypothesis import strategies as st

SIZES = st.lists(st.integers(1, 5), min_size=1, max_size=12).map(tuple)


@pytest.mark.parametrize(
    ("text", "categories", "sizes"),
    [
        ("1x15", 15, (1,) * 15),
        ("14-1", 15, (14, 1)),
        ("10-5", 15, (10, 5)),
        ("3x5", 15, (3,) * 5),
        ("10-1x5", 15, (10, 1, 1, 1, 1, 1)),
        ("1x*", 7, (1,) * 7),
        ("10-1x*", 15, (10, 1, 1, 1, 1, 1)),
        ("2x*-3", 7, (2, 2, 3)),
        ("4", 4, (4,)),
        (" 2 - 2 ", 4, (2, 2)),
    ],
)
def test_a_schedule_gives_the_size_of_each_experience(text, categories, sizes):
    assert experience_sizes(text, categories) == sizes


@pytest.mark.parametrize(
    ("sizes", "text"),
    [((1,) * 15, "1x15"), ((14, 1), "14-1"), ((10, 1, 1), "10-1x2"), ((7,), "7x1")],
)
def test_the_resolved_writing_is_the_shortest(sizes, text):
    assert canonical(sizes) == text


@given(SIZES)
def test_the_resolved_writing_means_the_same_sizes_and_resolves_to_itself(sizes):
    text = canonical(sizes)
    assert experience_sizes(text, sum(sizes)) == sizes
    assert canonical(experience_sizes(text, sum(sizes))) == text


@given(SIZES, st.booleans())
def test_any_writing_of_the_same_sizes_resolves_alike(sizes, times):
    text = "-".join(f"{size}x1" if times else str(size) for size in sizes)
    assert canonical(experience_sizes(text, sum(sizes))) == canonical(sizes)


@given(SIZES, st.integers(1, 60))
def test_a_schedule_that_does_not_fit_is_refused_with_both_numbers(sizes, categories):
    if sum(sizes) == categories:
        categories += 1
    with pytest.raises(UsageError) as refused:
        experience_sizes(canonical(sizes), categories)
    covered = format_count(sum(sizes), "category")
    assert f"covers {covered}, the dataset has {categories}" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2x*", "does not fit 15 categories: 15 are left for experiences of 2"),
        ("15-1x*", "does not fit 15 categories: 0 are left for experiences of 1"),
        ("16-1x*", "covers 16 categories, the dataset has 15"),
        ("1x999999999999", "covers 999999999999 categories, the dataset has 15"),
    ],
)
def test_a_star_or_a_count_that_leaves_no_room_is_refused_with_both_numbers(text, words):
    with pytest.raises(UsageError, match=words):
        experience_sizes(text, 15)


@pytest.mark.parametrize("text", ["", "x", "1x", "0x5", "5x0", "1x-5", "1--5", "a", "1.5x2", "*x1"])
def test_a_text_that_is_no_schedule_is_refused_with_examples(text):
    with pytest.raises(UsageError, match="is not a schedule; write 1x15"):
        experience_sizes(text, 15)


def test_two_stars_are_refused():
    with pytest.raises(UsageError, match=r"more than one \*"):
        experience_sizes("1x*-2x*", 15)
