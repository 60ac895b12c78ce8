"""A figure that keeps its style when a user saves it, and that notebooks show."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from matplotlib.figure import Figure

_DPI = 200
"""Resolution in notebooks."""


class StyledFigure(Figure):
    """A matplotlib Figure whose files do not depend on the user's matplotlib settings.

    Args:
        styled: returns the context manager that sets the style.
        **options: arguments of `matplotlib.figure.Figure`.
    """

    def __init__(self, styled: Callable[[], AbstractContextManager[None]], **options: Any) -> None:
        super().__init__(**options)
        self._styled = styled

    def savefig(self, fname: Any, **options: Any) -> None:
        """Write the figure to a file; see `matplotlib.figure.Figure.savefig`."""
        with self._styled():
            super().savefig(fname, **options)

    def _repr_png_(self) -> bytes:
        """How a notebook shows the figure, also without `%matplotlib inline`."""
        drawn = io.BytesIO()
        self.savefig(drawn, format="png", dpi=_DPI)
        return drawn.getvalue()
