"""Orders by difficulty: from records of a bank per category, or from published values."""

from __future__ import annotations

import json

import pytest
from cadbench.benchmark.study.difficulty import order_by_difficulty
from cadbench.benchmark.system.reporting import Silent
from cadbench.results.errors import UsageError
from cadbench.results.published.difficulty import (
    measured_difficulty,
    published_difficulty,
    sort_by_difficulty,
)
from cadbench.results.records.store import find_records

from tests.benchmark.samples import SPEC, a_manifest


def test_equal_values_are_sorted_by_name_in_both_directions():
    auroc = {"d": 0.7, "a": 0.9, "c": 0.9, "b": 0.5}
    assert sort_by_difficulty(auroc, easy_first=True) == ("a", "c", "d", "b")
    assert sort_by_difficulty(auroc, easy_first=False) == ("b", "d", "a", "c")


def test_published_values_order_categories_of_the_dataset_that_has_them(tmp_path):
    auroc, source = published_difficulty("mvtec")
    assert len(auroc) == 15
    assert "PatchCore" in source
    manifest = a_manifest(("pill", "bottle", "cable"))
    object.__setattr__(manifest, "name", "mvtec")
    order = order_by_difficulty("hard_to_easy:published", manifest, SPEC, tmp_path, Silent())
    assert order.categories == ("pill", "cable", "bottle")  # 0.9667, 0.9968, 1.0
    assert order.name.startswith("hard_to_easy-")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("easy_to_hard:published", "no published values of apple, bolt, cork; use easy_to_hard"),
        ("easy_to_hard:3", "write easy_to_hard or easy_to_hard:published"),
        ("easy_to_hard", "--method per_category --order alphabetical"),
    ],
)
def test_an_order_that_nothing_determines_is_an_error(tmp_path, text, words):
    with pytest.raises(UsageError, match=words):
        order_by_difficulty(text, a_manifest(), SPEC, tmp_path, Silent())


def test_a_run_is_ordered_by_its_records_and_stores_the_list(run_plates, out):
    easy = ("--method", "finetune", "--order", "easy_to_hard")
    missing = run_plates(*easy)
    assert missing.code == 2, missing
    assert "has no record of per_category" in missing.err
    assert run_plates("--method", "per_category", "--set", "class_budget=5").code == 0
    assert run_plates(*easy).code == 2  # not the default parameters
    assert run_plates("--method", "per_category").code == 0
    ran = run_plates(*easy)
    assert ran.code == 0, ran
    assert "from per_category records" in ran.err
    records = find_records(out)
    default = [r for r in records if r.method == "per_category" and r.params["class_budget"] > 5]
    expected = sort_by_difficulty(measured_difficulty(default), easy_first=True)
    (made,) = [record for record in records if record.method == "finetune"]
    assert tuple(made.cell["order"]["categories"]) == expected
    assert made.order.startswith("easy_to_hard-")
    listed = run_plates(*easy, "--dry-run", "--format", "json")
    assert [cell["order"] for cell in json.loads(listed.out)] == [made.cell["order"]]
