"""Draw the two figures of the README: `python -m cadbench.results.figures.readme [RUNS]`.

The README gives the command that makes the records.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ..analysis.rows import rows_of
from ..errors import CadbenchError
from ..records.store import find_records
from .catalog import draw
from .drawing.style import WIDTHS, save, styled
from .selection import source_of

FOLDER = Path("docs/figures")
SHOWN = ("experts", "tradeoff")


def main(runs: Path, folder: Path = FOLDER) -> list[Path]:
    """Draw them; the paths that were written."""
    source = source_of(rows_of(find_records(runs)))
    paths = []
    with styled():
        for name in SHOWN:
            paths.append(folder / f"{name}.svg")
            drawn = draw(name, source, WIDTHS["column"])
            save(drawn.figure, paths[-1], drawn.caption)
    return paths


if __name__ == "__main__":
    try:
        for path in main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs")):
            print(path)
    except CadbenchError as error:
        sys.exit(f"error: {error}")
