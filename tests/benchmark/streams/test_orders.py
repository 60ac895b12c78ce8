"""Orders: alphabetical, shuffled with a seed, or from a file."""

from __future__ import annotations

import pytest
from cadbench.benchmark.streams.orders import resolve_order
from cadbench.results.errors import UsageError
from hypothesis import given
from hypothesis import strategies as st

from tests.benchmark.samples import CATEGORIES


def test_alphabetical_sorts_whatever_the_order_given():
    assert resolve_order("alphabetical", ("c", "a", "b")).categories == ("a", "b", "c")


@given(st.integers(0, 10**6))
def test_a_random_order_holds_each_category_once_and_depends_on_the_seed_alone(seed):
    order = resolve_order(f"random:{seed}", CATEGORIES)
    assert sorted(order.categories) == list(CATEGORIES)
    assert order == resolve_order(f"random:{seed}", CATEGORIES[::-1])


def test_seeds_give_different_orders_and_one_seed_one_name():
    categories = tuple("abcdefghijklmno")
    orders = {resolve_order(f"random:{seed}", categories).categories for seed in range(20)}
    assert len(orders) == 20
    assert resolve_order("random:007", categories) == resolve_order("random:7", categories)


def test_a_file_gives_its_order_and_a_name_that_depends_on_the_order_alone(tmp_path):
    one, other = tmp_path / "one.txt", tmp_path / "other.txt"
    one.write_text("dial\nbolt\n\n  cork \napple\n")
    other.write_bytes(b"\xef\xbb\xbfdial\r\nbolt\r\ncork\r\napple")
    order = resolve_order(str(one), CATEGORIES)
    assert order.categories == ("dial", "bolt", "cork", "apple")
    assert order == resolve_order(str(other), CATEGORIES)
    assert order.name.startswith("file-")
    assert str(tmp_path) not in order.name
    other.write_text("bolt\ndial\ncork\napple")
    assert resolve_order(str(other), CATEGORIES).name != order.name


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"dial\nbolt\ncork", "must list each category .* once; check apple"),
        (b"dial\nbolt\ncork\naple", "check aple, apple"),
        (b"dial\nbolt\ncork\napple\napple", "check a category listed twice"),
        (b"\xff\xfe\x00d", "cannot be read as text"),
    ],
)
def test_a_file_that_is_no_order_of_the_categories_is_refused(tmp_path, content, words):
    path = tmp_path / "order.txt"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=words):
        resolve_order(str(path), CATEGORIES)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("alphabetic", r"neither alphabetical, .* \(did you mean alphabetical\?\)"),
        ("no-such-file.txt", "neither alphabetical, random:SEED nor a file"),
        ("random", "neither alphabetical"),
        ("random:", "write random:SEED with a whole number"),
        ("random:x", "write random:SEED with a whole number"),
        ("random:-1", "write random:SEED with a whole number"),
        ("random:²", "write random:SEED with a whole number"),
    ],
)
def test_an_order_that_is_neither_is_refused(text, words):
    with pytest.raises(UsageError, match=words):
        resolve_order(text, CATEGORIES)
