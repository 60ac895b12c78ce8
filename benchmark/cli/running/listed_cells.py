"""`cadbench run --cells FILE`: run the cells that `--dry-run --format json` listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....results.errors import UsageError
from ....results.validation import parse_json
from ...system.reporting import Reporter
from ..shared.options import parse_names

if TYPE_CHECKING:
    from ...running.cell import Cell
    from ...study.plan import Plan


def read_cells_file(file: Path) -> list[Cell]:
    """Read a file that `cadbench run --dry-run --format json` wrote.

    Raises:
        UsageError: the file cannot be read, or its cells cannot run together.
    """
    from ...running.cell import Cell

    try:
        content = file.read_bytes()
    except OSError as error:
        raise UsageError(f"--cells {file}: {error.strerror}") from None
    listed = parse_json(content, f"--cells {file}")
    if not (isinstance(listed, list) and listed and all(isinstance(c, dict) for c in listed)):
        raise UsageError(
            f"--cells {file} is not a list of cells; create it with "
            "`cadbench run ... --dry-run --format json`"
        )
    cells = [
        Cell.from_dict(values, f"--cells {file}: cell {index}")
        for index, values in enumerate(listed)
    ]
    if any((c.features, c.manifest) != (cells[0].features, cells[0].manifest) for c in cells):
        raise UsageError(
            f"--cells {file}: the cells have different features or images; run each group "
            "separately"
        )
    return cells


def plan_listed_cells(cells: Sequence[Cell], given: Mapping[str, Any], reporter: Reporter) -> Plan:
    """Open the images of listed cells and find their backbone weights.

    Args:
        cells: the cells of a file.
        given: the options of `cadbench run`.
        reporter: receives progress and warnings.

    Raises:
        UsageError: the weights found are not those of the cells.
    """
    from ...data.opening.open_dataset import open_dataset
    from ...features.weights import find_weights
    from ...study.plan import Plan

    features = cells[0].features
    random = features.weights.startswith("random:")
    weights = find_weights(features.backbone, given["weights"], random=random)
    if weights.name != features.weights:
        raise UsageError(
            f"--cells: these cells need other weights of {features.backbone}; pass them with "
            "--weights"
        )
    manifest = open_dataset(
        given["dataset"],
        given["data_root"],
        parse_names(given["categories"]) or cells[0].order.categories,
        skip_unreadable=given["skip_unreadable"],
        reporter=reporter,
    )
    return Plan(manifest, weights, list(cells))
