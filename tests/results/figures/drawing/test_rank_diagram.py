"""The critical difference diagram: column width, nothing cut off or overlapping, text as text."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from cadbench.results.errors import UsageError
from cadbench.results.figures.drawing.rank_diagram import (
    WIDTH,
    check_place,
    draw_diagram,
    save_diagram,
)
from cadbench.results.statistics.friedman import Ranking, ranking

SHORT = [f"method {k}" for k in range(10)]
LONG = [f"mecad experts={k}, replay=full, threshold=0.{k}" for k in range(10)]


def ranked(K: int, N: int = 15) -> Ranking:
    rng = np.random.Generator(np.random.PCG64(K))
    found = ranking(rng.normal(size=(K, N)) + np.linspace(0, 2, K)[:, None])
    assert found is not None
    return found


@pytest.mark.parametrize("labels", [SHORT, LONG], ids=["short", "long"])
@pytest.mark.parametrize(("K", "N"), [(3, 15), (3, 2), (6, 15), (10, 15), (10, 60)])
def test_texts_lie_inside_a_column_and_apart(labels, K: int, N: int) -> None:
    figure = draw_diagram(labels[:K], ranked(K, N), 0.05)
    assert figure.get_size_inches()[0] == WIDTH
    figure.canvas.draw()
    axes = figure.axes[0]
    texts = [*axes.texts, *axes.get_xticklabels()]
    boxes = [text.get_window_extent() for text in texts if text.get_text()]
    assert len(boxes) == K + 1 + K
    width, height = figure.bbox.size
    for box in boxes:
        assert box.x0 >= 0
        assert box.x1 <= width
        assert box.y0 >= 0
        assert box.y1 <= height
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)
    for line in axes.lines:
        ends = line.get_transform().transform(line.get_xydata())
        assert ends.min() >= 0
        assert (ends <= (width, height)).all()


@pytest.mark.parametrize("ending", ["pdf", "png", "svg"])
def test_a_file_of_each_kind_is_the_same_again(tmp_path: Path, ending: str) -> None:
    contents = []
    for name in ("one", "two"):
        path = tmp_path / "new" / f"{name}.{ending}"
        check_place(path)
        save_diagram(path, SHORT[:4], ranked(4), 0.05)
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]
    assert [path.suffix for path in (tmp_path / "new").iterdir()] == [f".{ending}"] * 2
    if ending == "svg":
        assert b"method 3" in contents[0]
    if ending == "pdf":
        assert b"/Type3" not in contents[0]
        assert b"/FontFile2" in contents[0]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("ranks.jpg", "must end in .pdf, .png, .svg"),
        ("ranks", "must end in"),
        (f"{__file__}/ranks.pdf", "is no folder that can be written to"),
    ],
)
def test_a_place_that_cannot_hold_it_is_refused(path: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        check_place(Path(path))


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "ranks.pdf").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        check_place(tmp_path / "ranks.pdf")
