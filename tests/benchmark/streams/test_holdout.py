"""Held-out training images: which they are, and that no experience has them."""

from __future__ import annotations

from pathlib import Path

import pytest
from cadbench.benchmark.data.domains import parse_domains
from cadbench.benchmark.data.drifted_manifest import add_domains
from cadbench.benchmark.data.manifest import Manifest
from cadbench.benchmark.protocols.ids import check_id
from cadbench.benchmark.running.cell import Cell
from cadbench.benchmark.streams.holdout import hold_out
from cadbench.benchmark.streams.stream import Stream
from cadbench.results.errors import UsageError

from tests.benchmark.samples import a_cell, a_design, an_item, an_order, cells_of

CATEGORIES = ("apple", "bolt", "cork", "dial")


def plates(count: int) -> Manifest:
    items = [an_item(c, "train", f"{c}-{k}") for c in CATEGORIES for k in range(count)]
    return Manifest("plates", Path("plates"), tuple(items))


@pytest.mark.parametrize(
    ("count", "share", "expected"), [(10, 0.0, 0), (10, 0.01, 1), (10, 0.25, 2), (3, 0.99, 2)]
)
def test_the_share_is_rounded_and_both_parts_keep_an_image(count, share, expected):
    assert len(hold_out(plates(count).train("bolt"), share)) == expected


def test_the_choice_depends_on_nothing_but_the_images():
    items = plates(20).train("apple")
    chosen = hold_out(items, 0.3)
    assert chosen == hold_out(items[::-1], 0.3) == hold_out((*items, *items[:5]), 0.3)
    assert set(hold_out(items, 0.1)) < set(chosen)
    one_more = hold_out((*items, an_item("apple", "train", "new")), 0.3)
    assert len(set(chosen) - set(one_more)) <= 1


@pytest.mark.parametrize("blend", [0.0, 0.5])
def test_no_experience_has_a_held_out_image_and_all_others_are_there(blend):
    stream = Stream(plates(10), an_order("random:1"), "2x2", blend=blend, holdout=0.2)
    learned = [ids for t in (1, 2) for ids in stream.training(t).values()]
    for column in CATEGORIES:
        every = {item.content for item in stream.manifest.train(column)}
        held_out = set(stream.held_out(column))
        assert len(held_out) == 2
        assert every - {i for ids in learned for i in ids} == held_out


def test_an_image_is_held_out_under_every_domain_or_under_none():
    domains = parse_domains(["dark:2"])
    stream = Stream(add_domains(plates(10), domains), an_order(), "1x*", domains, holdout=0.3)
    dark = {item.content: item.original.content for item in stream.manifest.train("bolt@dark:2")}
    returned = {dark[content] for content in stream.held_out("bolt@dark:2")}
    assert returned == set(stream.held_out("bolt"))


def test_a_category_with_one_image_is_refused_before_anything_runs():
    with pytest.raises(UsageError, match=r"two distinct training images per category.*apple has 1"):
        cells_of(a_design(manifest=plates(1), holdout=0.1))


def test_the_cell_and_its_protocol_name_the_share_only_if_there_is_one():
    plain, held = a_cell(), a_cell(holdout=0.1)
    assert "holdout" not in plain.as_dict()
    assert "holdout" not in plain.protocol
    assert held.protocol == plain.protocol.replace("@", "-holdout0.1@")
    assert held.key != plain.key
    assert Cell.from_dict(held.as_dict()) == held
    assert a_cell(holdout=0.1, threshold_quantile=0.99).as_dict() == held.as_dict()


def test_another_quantile_is_another_protocol():
    usual, other = a_cell(holdout=0.1), a_cell(holdout=0.1, threshold_quantile=0.95)
    assert other.protocol == usual.protocol.replace("@", "-quantile0.95@")
    assert Cell.from_dict(other.as_dict()) == other
    check_id(other.protocol, other._settings)
    with pytest.raises(UsageError, match=r"reserved for threshold quantile 0\.95, but .* 0\.99"):
        check_id(other.protocol, usual._settings)
