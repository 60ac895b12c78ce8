"""The table of kinds of defects, and its figure."""

from __future__ import annotations

from importlib.metadata import entry_points

import numpy as np
import pytest
from cadbench.results.figures.catalog import draw
from cadbench.results.figures.drawing.style import MOST, looks
from cadbench.results.rendering.method_marks import mark_of, printed_name
from cadbench.results.statistics.bootstrap import Bootstrap
from cadbench.results.statistics.bootstrap_draws import Draws
from cadbench.results.tables.defects import defect_tables
from sklearn.metrics import roc_auc_score

from tests.results.figures.studies import source
from tests.results.samples import CATEGORIES, random_scores


@pytest.fixture
def record(make_record):
    scores = random_scores([[name] for name in CATEGORIES])
    defective = scores["label"] == 1
    scores.loc[defective, "defect"] = np.where(scores["image"] < "08", "hole", "scratch")[defective]
    return make_record(scores=scores)


def test_a_kind_of_defect_is_compared_with_the_good_images_of_its_category(record):
    (table,) = defect_tables([record], bootstrap=Bootstrap(Draws(200)))
    assert [column.name for column in table.columns] == ["category", "defect", "images", "mecad"]
    final = record.scores[record.scores["experience"] == 3]
    assert len(table.rows) == 6
    for category, defect, images, value in table.rows:
        used = final[(final["category"] == category) & final["defect"].isin(["good", defect])]
        assert images == used["label"].sum() > 0
        assert value.mean == pytest.approx(roc_auc_score(used["label"], used["score"]))
        assert value.low <= value.mean <= value.high
        assert value.low < value.high


def test_the_figure_of_defects_has_the_values_of_the_table(record):
    axes = draw("defects", source([record]), 3.5).figure.axes[0]
    drawn = np.ma.filled(axes.collections[0].get_array(), np.nan).ravel()
    (table,) = defect_tables([record])
    assert drawn.tolist() == pytest.approx([row[-1].mean for row in table.rows])


def test_methods_have_a_look_of_their_own_everywhere():
    own = [name for name in entry_points(group="cadbench.methods").names if ":" not in name]
    for detector in {name.partition("+")[0] for name in own if "+" in name}:
        trained = [mark_of(name) for name in own if name.startswith(f"{detector}+")]
        assert len({*trained}) == len(trained), detector
    banks = [mark_of(name) for name in own if "+" not in name]
    assert len({*banks}) == len(banks)
    variants = {str(look.items()) for look in looks(["mecad"] * MOST)}
    assert len(variants) == MOST
    assert mark_of("plugin:Own") == mark_of("plugin:Own") != mark_of("plugin:Other")
    assert [*map(printed_name, ("patchcore", "stfpm+ewc", "x:Y"))] == [
        "PatchCore",
        "STFPM, EWC",
        "x:Y",
    ]
