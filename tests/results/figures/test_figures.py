"""Every figure at print size, with any number of categories, and the files it becomes."""

from __future__ import annotations

import pytest
from cadbench.results.figures.catalog import ACROSS_SHARES, EXAMPLES, FIGURES, draw
from cadbench.results.figures.drawing.style import FORMATS, WIDTHS, canvas, save, styled
from cadbench.results.figures.selection import NothingToDraw

from tests.results.figures.readable import assert_readable, shown_texts
from tests.results.figures.studies import source, study_record

DRAWN = [name for name in FIGURES if name not in (EXAMPLES, ACROSS_SHARES)]


@pytest.mark.parametrize(
    ("count", "long", "methods", "width"),
    [
        (1, False, 2, "column"),
        (7, True, 0, "page"),
        (7, False, 11, "column"),
        (15, True, 5, "column"),
        (30, False, 2, "page"),
    ],
)
def test_texts_are_large_enough_on_the_canvas_and_apart(make_study, count, long, methods, width):
    # Two seeds, and inferred routing, which some figures need.
    seeds = range(1 + (count < 10 and methods < 3))
    made = source(make_study(count, long=long, methods=methods, seeds=seeds, routing="inferred"))
    impossible = {"ranks"} if methods < 2 else set()
    impossible |= {"stability"} if len(seeds) == 1 else set()
    if count == 1:
        impossible |= {"similarity", "assignment", "ranks"}
    for name in DRAWN:
        if name in impossible:
            with pytest.raises(NothingToDraw):
                draw(name, made, WIDTHS[width])
            continue
        drawn = draw(name, made, WIDTHS[width])
        assert drawn.figure.get_size_inches()[0] == WIDTHS[width], name
        assert assert_readable(drawn.figure), name
        assert drawn.caption


@pytest.mark.parametrize("name", DRAWN)
def test_the_same_records_give_the_same_bytes(make_study, tmp_path, name):
    records = make_study(2, seeds=range(2), routing="inferred")
    contents: dict[str, list[bytes]] = {kind: [] for kind in FORMATS}
    for time in range(2):
        drawn = draw(name, source(records), WIDTHS["column"])
        for kind in FORMATS:
            path = tmp_path / str(time) / f"{name}.{kind}"
            save(drawn.figure, path, drawn.caption)
            contents[kind].append(path.read_bytes())
    for kind, (one, other) in contents.items():
        assert one == other, kind
    (pdf, _), (svg, _) = contents["pdf"], contents["svg"]
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf
    assert b"<text" not in svg  # shapes, which need no font
    assert b"DejaVuSans" in svg


def test_the_users_own_settings_change_no_figure(make_study):
    import matplotlib

    records = make_study(3)
    sizes = []
    for size in (5.0, 20.0):
        with matplotlib.rc_context({"font.size": size, "xtick.labelsize": size}), styled():
            figure = draw("experts", source(records), WIDTHS["column"]).figure
            figure.draw_without_rendering()
            sizes.append([text.get_fontsize() for text in shown_texts(figure)])
    assert sizes[0] == sizes[1]


def test_a_name_with_dollars_is_no_formula(make_study, tmp_path):
    made = study_record(tmp_path, ["a$b$", "c^2"], 0, "mecad", {"experts": 2})
    texts = assert_readable(draw("matrix", source([made]), WIDTHS["column"]).figure)
    assert {"a$b$", "c^2"} <= set(texts)


def test_the_check_sees_what_overlaps_is_cut_off_or_too_small():
    for texts in ([(0.5, 0.5, 7), (0.52, 0.5, 7)], [(0.99, 0.5, 7)], [(0.5, 0.5, 5)]):
        figure = canvas(3.5, 1.0)
        for x, y, size in texts:
            figure.text(x, y, "some text", fontsize=size)
        with pytest.raises(AssertionError):
            assert_readable(figure)
