"""Blended experiences: which training images come early or late."""

from __future__ import annotations

from collections import Counter

from cadbench.benchmark.streams.blending import blend_experiences
from hypothesis import given
from hypothesis import strategies as st


def images(**counts: int) -> dict[str, list[str]]:
    return {name: [f"{name}{k:02d}" for k in range(count)] for name, count in counts.items()}


def test_half_of_what_moves_comes_before_and_half_after():
    shown = blend_experiences([["a"], ["b"], ["c"]], images(a=8, b=8, c=8), 0.5, "alphabetical")
    counts = [{column: len(ids) for column, ids in part.items()} for part in shown]
    assert counts == [{"a": 6, "b": 2}, {"a": 2, "b": 4, "c": 2}, {"b": 2, "c": 6}]
    assert [list(part) for part in shown] == [["a", "b"], ["a", "b", "c"], ["b", "c"]]


def test_nothing_moves_without_a_share_or_a_neighbor():
    held = images(a=5, b=4)
    whole = [{"a": tuple(held["a"])}, {"b": tuple(held["b"])}]
    assert blend_experiences([["a"], ["b"]], held, 0.0, "alphabetical") == whole
    together = {"a": tuple(held["a"]), "b": tuple(held["b"])}
    assert blend_experiences([["a", "b"]], held, 1.0, "alphabetical") == [together]


@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=6),
    st.floats(0, 1),
    st.sampled_from(["alphabetical", "random:1"]),
)
def test_no_image_is_lost_or_shown_twice_and_some_stay_in_their_experience(counts, share, order):
    held = images(**{f"c{k}": count for k, count in enumerate(counts)})
    shown = blend_experiences([[name] for name in held], held, share, order)
    times = Counter(identity for part in shown for ids in part.values() for identity in ids)
    assert times == Counter(identity for ids in held.values() for identity in ids)
    assert all(name in part for name, part in zip(held, shown, strict=True))
    assert shown == blend_experiences([[name] for name in held], held, share, order)


def test_which_images_move_depends_on_the_order():
    held = images(a=20, b=20)
    one, other = (blend_experiences([["a"], ["b"]], held, 0.5, f"random:{k}") for k in (0, 1))
    assert one[1]["a"] != other[1]["a"]
    assert len(one[1]["a"]) == len(other[1]["a"]) == 5
