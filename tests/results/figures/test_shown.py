"""What figures show: the numbers of the records, of rows that may stand side by side."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from cadbench.results.analysis.quantities import stored_matrix
from cadbench.results.analysis.rows import rows_of
from cadbench.results.errors import UsageError
from cadbench.results.figures.catalog import draw
from cadbench.results.figures.drawing.end_labels import spread_apart
from cadbench.results.figures.drawing.style import WIDTHS
from cadbench.results.figures.kinds.tradeoff import pareto_front
from cadbench.results.figures.selection import NothingToDraw
from cadbench.results.metrics import continual
from hypothesis import given
from hypothesis import strategies as st

from tests.results.figures.studies import source


def test_the_matrix_shows_the_recorded_values(make_study):
    record = make_study(4, experts=range(2, 3), methods=0)[0]
    figure = draw("matrix", source([record]), WIDTHS["column"]).figure
    drawn = figure.axes[0].collections[0].get_array()
    R, _ = stored_matrix(record)
    assert np.array_equal(np.ma.filled(drawn, np.nan).reshape(4, 4), R.T, equal_nan=True)
    norm = figure.axes[0].collections[0].norm  # the same for any values
    assert norm([0, 0.5, 0.75, 1]).tolist() == pytest.approx([0, 0.2, 0.6, 1])
    ticks = [text.get_text() for text in figure.axes[1].get_xticklabels()]
    assert ticks == ["0", ".60", ".70", ".80", ".90", "1", "chance .50"]
    frames = [(p.get_y(), p.get_x()) for p in figure.axes[0].patches]
    assert frames == [(c, c) for c in range(4)]


def test_cells_hold_their_numbers_where_these_fit(make_study):
    few, many = make_study(4, experts=range(2, 3), methods=0), make_study(30, methods=1)[-1:]
    axes = draw("matrix", source(few), WIDTHS["column"]).figure.axes[0]
    found = {text.get_position(): text.get_text() for text in axes.texts}
    R, _ = stored_matrix(few[0])
    expected = {
        (t + 0.5, c + 0.5): f"{R[t, c]:.2f}".replace("0.", ".").replace("1.00", "1")
        for t, c in np.argwhere(~np.isnan(R)).tolist()
    }
    assert found == expected
    assert not draw("matrix", source(many), WIDTHS["column"]).figure.axes[0].texts


def test_numbers_stand_out_from_their_cells(make_study):
    from seaborn.utils import relative_luminance

    axes = draw("matrix", source(make_study(7, methods=1)[-1:]), WIDTHS["page"]).figure.axes[0]
    axes.figure.draw_without_rendering()
    mesh = axes.collections[0]
    cells = np.ma.filled(mesh.get_array(), np.nan).reshape(7, 7)
    for text in axes.texts:
        x, y = (int(place) for place in text.get_position())
        lights = [relative_luminance(c) for c in (mesh.to_rgba(cells[y, x]), text.get_color())]
        assert (max(lights) + 0.05) / (min(lights) + 0.05) > 4.5, text
    assert {text.get_color() for text in axes.texts} == {"black", "white"}


def test_similarities_frame_the_expert_that_took_the_category(make_study):
    records = make_study(5, experts=range(2, 3), methods=0)
    figure = draw("assignment", source(records), WIDTHS["column"]).figure
    assert [p.get_x() for p in figure.axes[0].patches] == [0, 1, 0, 1, 0]


def test_similar_categories_stand_by_expert_and_pairs_that_share_one_are_framed(make_study):
    (record,) = make_study(5, experts=range(2, 3), methods=0)
    figure = draw("similarity", source([record]), WIDTHS["column"]).figure
    drawn = figure.axes[0].collections[0].get_array()
    values = np.ma.filled(drawn, np.nan).reshape(5, 5)
    order = [0, 2, 4, 1, 3]  # of the stream, by expert
    pairs = record.events[record.events["kind"] == "similarity"]
    for one, other, cosine in pairs[["category", "other", "similarity"]].to_numpy():
        at = [order.index(record.categories.index(name)) for name in (one, other)]
        assert values[at[0], at[1]] == values[at[1], at[0]] == pytest.approx(cosine)
    frames = {(int(p.get_y()), int(p.get_x())) for p in figure.axes[0].patches}
    groups = [{0, 1, 2}, {3, 4}]
    assert frames == {(a, b) for group in groups for a in group for b in group if a != b}


def test_the_heat_map_ends_with_the_mean(make_study):
    records = make_study(3, experts=range(1, 3), methods=0, seeds=range(2))
    figure = draw("category-experts", source(records), WIDTHS["column"]).figure
    drawn = np.ma.filled(figure.axes[0].collections[0].get_array(), np.nan).reshape(4, 2)
    finals = [
        [stored_matrix(r)[0][-1] for r in records if r.params["experts"] == n] for n in (1, 2)
    ]
    assert np.allclose(drawn[:3].T, np.mean(finals, axis=1))
    assert np.allclose(drawn[3], drawn[:3].mean(axis=0))


def test_experts_are_drawn_with_their_mean_and_forgetting(make_study):
    records = make_study(4, methods=1)
    upper, lower = draw("experts", source(records), WIDTHS["column"]).figure.axes
    for axes, metric in ((upper, continual.acc), (lower, continual.fm)):
        (line,) = (c.lines[0] for c in axes.containers)
        found = [metric(*stored_matrix(r)).value for r in records if r.method == "mecad"]
        assert line.get_xdata().tolist() == [1, 2, 3]
        assert np.allclose(line.get_ydata(), found)


def test_curves_are_means_of_the_seen_categories(make_study):
    records = make_study(4, experts=range(2, 3), methods=1)
    axes = draw("curves", source(records), WIDTHS["column"]).figure.axes[0]
    assert len(axes.collections) == 2  # a band a line
    for line, record in zip(axes.lines, sorted(records, key=lambda r: r.method), strict=True):
        R, s = stored_matrix(record)
        assert np.allclose(line.get_ydata(), [R[t, s <= t + 1].mean() for t in range(4)])


def test_forgetting_of_an_expert_is_over_its_own_categories(make_study):
    (record,) = make_study(4, experts=range(2, 3), methods=0)
    axes = draw("expert-forgetting", source([record]), WIDTHS["column"]).figure.axes[0]
    R, _ = stored_matrix(record)
    change = R[-1] - np.diag(R)
    finals = [line.get_ydata()[-1] for line in axes.lines[1:]]
    assert np.allclose(finals, [change[[0, 2]].mean(), change[[1, 3]].mean()])


@pytest.mark.parametrize(
    ("points", "front"),
    [
        ([(1, 0.5), (2, 0.4), (3, 0.9)], [0, 2]),
        ([(2, 0.9), (1, 0.9), (1, 0.8)], [1]),
        ([(1, 0.5), (1, 0.5)], [0]),
    ],
)
def test_the_front_holds_what_nothing_beats(points, front):
    assert pareto_front(np.array(points)) == front


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_every_point_is_on_the_front_or_beaten_by_one_that_is(points):
    front = pareto_front(np.array(points, dtype=float))
    for x, y in points:
        assert any(points[i][0] <= x and points[i][1] >= y for i in front)
    for one, other in itertools.permutations(front, 2):
        assert not (points[one][0] <= points[other][0] and points[one][1] >= points[other][1])


# --- which records they are drawn from


def test_a_comparison_takes_the_row_nearest_to_the_defaults(make_study):
    records = make_study(3, methods=1)
    usual = {"mecad": {"experts": 2, "replay": "random"}}
    made = source(records, defaults=usual)
    assert [r.first.params.get("experts") for r in made.compared()] == [2, None]
    assert made.record().params["experts"] == 2
    named = rows_of(records)[:2]
    assert source(records, chosen=named).compared() == tuple(named)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"protocol": "other@1"}, "protocols.*--protocol"),
        ({"routing": "inferred", "protocol": "synthetic-1x3-224-oracle@1"}, "routings.*--routing"),
        ({"backbone": "other"}, "backbones.*--backbone"),
        ({"manifest": "ef" * 32}, "data"),
    ],
)
def test_one_figure_never_mixes(make_study, changes, said):
    records = make_study(3) + make_study(3, **changes)
    with pytest.raises(UsageError, match=said):
        source(records)


def test_further_seeds_of_one_row_are_not_compared(make_study):
    records = make_study(3) + make_study(3, experts=range(1, 2), methods=0, seeds=range(1, 2))
    selection = source(records)
    caption = draw("curves", selection, WIDTHS["column"]).caption
    assert "seed 0" in caption
    assert selection.notes == []
    rows = selection.rows
    with pytest.raises(UsageError, match="lacks seed 1 of order alphabetical"):
        draw("curves", source(records, chosen=rows), WIDTHS["column"])
    shared = source(records, chosen=rows, common=True)
    assert "seed 0" in draw("curves", shared, WIDTHS["column"]).caption


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("experts", {"experts": range(2, 3)}, "several numbers of experts"),
        ("expert-memory", {"experts": range(0)}, "assigned no experts"),
        ("similarity", {"experts": range(0)}, "assigned no experts"),
        ("assignment", {"experts": range(0)}, "assigned no experts"),
        ("ranks", {"methods": 1}, "three rows"),
        ("curves", {"methods": 12}, "13 rows are more than the 12"),
        ("tradeoff", {"methods": 12}, "13 kinds of rows"),
    ],
)
def test_what_cannot_be_drawn_says_why(make_study, name, options, said):
    with pytest.raises(NothingToDraw, match=said):
        draw(name, source(make_study(2, **options)), WIDTHS["column"])


def test_a_metric_that_was_not_measured_cannot_be_drawn(make_study):
    made = source(make_study(2), base="aupro")
    for name in ("matrix", "curves", "experts", "category-experts", "tradeoff"):
        with pytest.raises(NothingToDraw, match="AUPRO"):
            draw(name, made, WIDTHS["column"])
    assert "F1-max" in draw("matrix", source(make_study(2), base="f1_max"), 3.5).caption


def test_tradeoff_draws_against_the_costs_that_were_measured(make_study):
    records = make_study(2, experts=range(0), methods=3)
    with pytest.raises(NothingToDraw, match="update s: no row was run with --time"):
        draw("tradeoff", source(records, cost="update_seconds"), WIDTHS["column"])
    for record, seconds in zip(records[:2], (4.0, 2.0), strict=True):
        record.run["timing"] = {"update_seconds": [seconds, seconds], "ms_per_image": 1.0}
    drawn = draw("tradeoff", made := source(records, cost="update_seconds"), WIDTHS["column"])
    (axes,) = drawn.figure.axes
    assert axes.get_xlabel() == "update s (less is better)"
    assert sorted(line.get_xdata()[0] for line in axes.lines)[-2:] == [2.0, 4.0]
    assert "against update s (mean time" in drawn.caption
    assert len(made.notes) == 1
    with pytest.raises(NothingToDraw, match="none of these rows has process MB"):
        draw("tradeoff", source(records, cost="process_mb"), WIDTHS["column"])


def test_training_draws_one_line_per_experience_with_the_recorded_numbers(make_study):
    records = make_study(3, experts=range(0), methods=1)
    drawn = draw("training", source(records), WIDTHS["column"])
    (axes,) = drawn.figure.axes
    assert axes.get_xlabel() == "epoch"
    assert axes.get_ylabel() == "loss"
    lines = [(line.get_xdata(), line.get_ydata()) for line in axes.lines]
    assert [list(y) for _, y in lines] == [[2.0 * t, t, 2.0 * t / 3] for t in (1, 2, 3)]
    assert all(list(x) == [1, 2, 3] for x, _ in lines)
    assert "loss, one line per experience" in drawn.caption


def test_training_needs_recorded_numbers(make_record):
    record = make_record()
    with pytest.raises(NothingToDraw, match="mecad recorded no numbers while learning"):
        draw("training", source([record]), WIDTHS["column"])


@given(st.lists(st.tuples(st.floats(-1, 4), st.floats(0.1, 0.5)), min_size=1, max_size=8))
def test_names_at_the_ends_of_lines_are_apart_and_in_order(intervals):
    wanted, sizes = np.array(intervals).T
    found = spread_apart(wanted, sizes, 4.0)
    order = np.argsort(wanted, kind="stable")
    low, high = (found - sizes / 2)[order], (found + sizes / 2)[order]
    assert (low[1:] >= high[:-1] - 1e-9).all()
    assert low[0] >= -1e-9
    assert high[-1] <= 4 + 1e-9
