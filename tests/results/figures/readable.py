"""What a figure must be at print size: texts large enough, on the canvas, and apart."""

from __future__ import annotations

import numpy as np
from cadbench.results.figures.drawing.style import SMALL
from matplotlib.axis import Tick
from matplotlib.figure import Figure
from matplotlib.text import Text

_TOUCHING = 0.5
"""Points that two boxes may share, which hold the font's empty edges."""


def assert_readable(figure: Figure) -> list[str]:
    """Every text that is drawn is large enough, on the canvas and apart from the others."""
    figure.draw_without_rendering()
    texts = shown_texts(figure)
    width, height = figure.bbox.size
    boxes = []
    for text in texts:
        assert text.get_fontsize() >= SMALL, text
        box = text.get_window_extent()
        assert box.x0 >= -1, (text, box)
        assert box.x1 <= width + 1, (text, box, width)
        assert box.y0 >= -1, (text, box)
        assert box.y1 <= height + 1, (text, box, height)
        boxes.append(box.padded(-_TOUCHING * figure.dpi / 72))
    low, high = np.array([box.min for box in boxes]), np.array([box.max for box in boxes])
    overlap = ((low[:, None] <= high[None]) & (low[None] <= high[:, None])).all(2)
    np.fill_diagonal(overlap, False)
    assert not overlap.any(), [(texts[a], texts[b]) for a, b in np.argwhere(overlap)]
    return [text.get_text() for text in texts]


def shown_texts(figure: Figure) -> list[Text]:
    """The texts of a laid-out figure that are drawn: not those of ticks outside their axis."""
    hidden: set[int] = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            slack = 1e-9 * max(abs(low), abs(high))
            for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
                inside = low - slack <= tick.get_loc() <= high + slack
                if not (inside and axes.axison and axis.get_visible()):
                    hidden |= {id(label) for label in _labels(tick)}
            if not axes.axison:
                hidden |= {id(axis.label), id(axis.offsetText)}
    return [
        text
        for text in figure.findobj(Text)
        if isinstance(text, Text)
        and text.get_visible()
        and text.get_text().strip()
        and id(text) not in hidden
    ]


def _labels(tick: Tick) -> list[Text]:
    return [tick.label1, tick.label2]
