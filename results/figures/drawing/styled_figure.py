"""A figure that keeps its style when a user saves it, and that notebooks show."""

from __future__ import annotations

import io
from typing import Any

from matplotlib.figure import Figure

from .style import styled

_DPI = 200
"""Resolution in notebooks."""


class StyledFigure(Figure):
    """A matplotlib Figure whose files do not depend on the user's matplotlib settings."""

    def savefig(self, fname: Any, **options: Any) -> None:
        """Write the figure to a file; see `matplotlib.figure.Figure.savefig`."""
        with styled():
            super().savefig(fname, **options)

    def _repr_png_(self) -> bytes:
        """How a notebook shows the figure, also without `%matplotlib inline`."""
        drawn = io.BytesIO()
        self.savefig(drawn, format="png", dpi=_DPI)
        return drawn.getvalue()
