"""A factorial design on a manifest: methods x parameters x orders x seeds, as cells."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...results.errors import UsageError
from ..data.drifted_manifest import add_domains
from ..data.manifest import Manifest
from ..features.feature_spec import FeatureSpec
from ..interface.method import CellFacts
from ..interface.params import Params
from ..pixels.maps import MapSpec
from ..plugins.class_methods import make_params, params_with_memory, resolve_params
from ..plugins.methods import load_method
from ..streams.orders import Order
from ..streams.settings import StreamSettings
from ..streams.stream import Stream
from .cell import Cell, name_swept_parameters

Sweep = Mapping[str, Mapping[str, Sequence[Any]]]
"""Method -> parameter -> the values to try."""

MOST_CELLS = 100_000


@dataclass(frozen=True)
class Design:
    """A factorial design: what all cells share, and the factors that vary.

    The factors are `streams`, `methods`, `sweep`, `orders` and `seeds`; `Cell` documents the rest.
    """

    manifest: Manifest
    features: FeatureSpec
    maps: MapSpec
    streams: tuple[StreamSettings, ...]
    methods: tuple[str, ...]
    sweep: Sweep
    orders: tuple[Order, ...]
    seeds: tuple[int, ...]
    protocol_id: str | None = None


@dataclass(frozen=True)
class MatchedCell:
    """A cell that gets as much memory as another cell uses (`--match-memory`).

    Attributes:
        cell: the cell with its own parameters.
        reference: the cell whose number of stored vectors it will use.
    """

    cell: Cell
    reference: Cell

    def resolve(self, stored_vectors: int) -> Cell:
        """Return the cell, given the number of vectors that the reference stores at the end."""
        categories = len(self.cell.order.categories)
        method = self.cell.method_class
        params: Any = params_with_memory(
            self.cell.method, method, self.cell.params, stored_vectors, categories
        )
        return replace(self.cell, params=params)


def cells_of(design: Design) -> list[Cell]:
    """Expand a design into its cells: by method, parameters, order, seed, stream.

    Raises:
        UsageError: the schedule does not fit, or there are too many cells.
    """
    resolved: dict[Order, list[dict[str, Any]]] = {}
    for order, given in itertools.product(design.orders, design.streams):
        data = add_domains(design.manifest, given.domains)
        stream = Stream(data, order, given.schedule, given.domains, given.blend, given.holdout)
        for column in stream.columns:
            stream.held_out(column)  # too few images are an error before any cell runs
        stream.refuse_returns_within_an_experience()
        settings = {**given.stream_settings(), "schedule": stream.resolved_schedule}
        resolved.setdefault(order, []).append(settings)
    _check_cell_count(design)
    names = tuple(sorted(design.manifest.categories))
    spec = design.features
    facts = CellFacts(spec.backbone, spec.embedding, len(names), names, spec.layers)
    cells = [
        Cell(
            **settings,
            dataset=design.manifest.name,
            manifest=design.manifest.hash,
            order=order,
            features=design.features,
            maps=design.maps,
            method=method,
            params=params,
            seed=seed,
            protocol_id=design.protocol_id,
        )
        for method in design.methods
        for params in _grid(method, design.sweep.get(method, {}), facts)
        for order in design.orders
        for seed in design.seeds
        for settings in resolved[order]
    ]
    return name_swept_parameters(cells)


def match_memory(cells: Sequence[Cell], reference: str) -> tuple[list[Cell], list[MatchedCell]]:
    """Pair the cells of other methods with the reference cells of the same order and seed.

    Args:
        cells: all cells of the run.
        reference: the method whose memory size the others get.

    Returns:
        The cells that can run immediately, and those that wait for a reference. Cells of methods
        whose memory size cannot be set are in the first list.

    Raises:
        UsageError: no cell is of the reference method.
    """
    references = [cell for cell in cells if cell.method == reference]
    if not references:
        raise UsageError(
            f"--match-memory {reference}: add --method {reference}, whose memory is to be matched"
        )
    ready, waiting = list(references), list[MatchedCell]()
    for cell in cells:
        if cell.method == reference:
            continue
        if params_with_memory(cell.method, cell.method_class, cell.params, 1_000_000, 1) is None:
            ready.append(cell)
            continue
        waiting.extend(
            MatchedCell(cell, other)
            for other in references
            if _conditions(other) == _conditions(cell)
        )
    return ready, waiting


def _conditions(cell: Cell) -> tuple[Order, int, float | None]:
    return cell.order, cell.seed, cell.contaminate


def _check_cell_count(design: Design) -> None:
    """Count the cells before creating them: one typing error can mean millions."""
    settings = (
        math.prod(map(len, design.sweep.get(method, {}).values())) for method in design.methods
    )
    runs = len(design.orders) * len(design.seeds) * len(design.streams)
    count = sum(settings) * runs
    if count > MOST_CELLS:
        raise UsageError(
            f"--seeds, --order, --contaminate and --set give {count:,} cells; a run has at most "
            f"{MOST_CELLS:,}: split it into several runs"
        )


def _grid(method: str, values: Mapping[str, Sequence[Any]], facts: CellFacts) -> list[Params]:
    """Every combination of values, resolved, without duplicates."""
    kind = load_method(method)
    given = (
        make_params(method, kind, dict(zip(values, combination, strict=True)))
        for combination in itertools.product(*values.values())
    )
    resolved = [resolve_params(method, kind, params, facts) for params in given]
    return list(dict.fromkeys(resolved))
