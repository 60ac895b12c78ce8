"""From what the user asks for to the list of cells: methods x parameters x orders x seeds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...results.errors import UsageError
from ..data.drift.domains import Domain
from ..data.drift.manifest import under_domains
from ..data.manifest import Manifest
from ..features.spec import FeatureSpec
from ..interface.context import Routing
from ..interface.method import CellFacts
from ..interface.params import Params, spec_named, specs
from ..pixels.maps import MapSpec
from ..plugins.methods import load_method, method_names
from ..streams.stream import Order, Stream
from ..system.number_ranges import parse_whole_number
from .cell import Cell, Unseen

Sweep = Mapping[str, Mapping[str, Sequence[Any]]]
"""Method -> parameter -> the values to try."""

MOST_CELLS = 100_000


@dataclass(frozen=True)
class Study:
    """A factorial: everything that its cells have in common, and the factors."""

    manifest: Manifest
    features: FeatureSpec
    maps: MapSpec
    schedule: str
    routing: Routing
    unseen: Unseen
    methods: tuple[str, ...]
    sweep: Sweep
    orders: tuple[Order, ...]
    seeds: tuple[int, ...]
    protocol_id: str | None = None
    drift: tuple[Domain, ...] = ()
    blend: float = 0.0


@dataclass(frozen=True)
class Matched:
    """A cell whose memory is to be what `reference` ends up storing (`--match-memory`)."""

    cell: Cell
    reference: Cell

    def resolve(self, stored_vectors: int) -> Cell:
        """The cell, once the reference's stored vectors are known."""
        categories = len(self.cell.order.categories)
        method = self.cell.method_class
        params: Any = method.with_memory(self.cell.params, stored_vectors, categories)
        return replace(self.cell, params=params)


def plan(study: Study) -> list[Cell]:
    """Every cell of the study: methods in the order given, then parameters, orders, seeds."""
    data = under_domains(study.manifest, study.drift)
    schedules: dict[Order, str] = {}
    for order in study.orders:
        stream = Stream(data, order, study.schedule, study.drift, study.blend)
        stream.refuse_returns_within_an_experience()
        schedules[order] = stream.resolved_schedule
    _refuse_too_many(study)
    names = tuple(sorted(study.manifest.categories))
    facts = CellFacts(study.features.backbone, study.features.embedding, len(names), names)
    return [
        Cell(
            dataset=study.manifest.name,
            manifest=study.manifest.hash,
            order=order,
            schedule=schedules[order],
            routing=study.routing,
            unseen=study.unseen,
            features=study.features,
            maps=study.maps,
            method=method,
            params=params,
            seed=seed,
            protocol_id=study.protocol_id,
            drift=study.drift,
            blend=study.blend,
        )
        for method in study.methods
        for params in _grid(method, study.sweep.get(method, {}), facts)
        for order in study.orders
        for seed in study.seeds
    ]


def _refuse_too_many(study: Study) -> None:
    """Before they are made: a slip of the pen asks for millions."""
    settings = (
        math.prod(map(len, study.sweep.get(method, {}).values())) for method in study.methods
    )
    count = sum(settings) * len(study.orders) * len(study.seeds)
    if count > MOST_CELLS:
        raise UsageError(
            f"--seeds, --order and --set ask for {count:,} cells; a run has at most "
            f"{MOST_CELLS:,}: make several of it"
        )


def match_memory(cells: Sequence[Cell], reference: str) -> tuple[list[Cell], list[Matched]]:
    """Split cells into those that can run at once and those that wait for a reference's memory.

    Each cell of another method is paired with every cell of `reference` that has its order and
    seed; methods that cannot be given a memory run as they are.
    """
    references = [cell for cell in cells if cell.method == reference]
    if not references:
        raise UsageError(
            f"--match-memory {reference}: add --method {reference}, whose memory is to be matched"
        )
    ready, waiting = list(references), list[Matched]()
    for cell in cells:
        if cell.method == reference:
            continue
        if cell.method_class.with_memory(cell.params, 1_000_000, 1) is None:
            ready.append(cell)
            continue
        waiting.extend(
            Matched(cell, other)
            for other in references
            if other.order == cell.order and other.seed == cell.seed
        )
    return ready, waiting


def parse_settings(
    methods: Sequence[str], settings: Iterable[str], experts: str | None
) -> dict[str, dict[str, list[Any]]]:
    """`--set METHOD.PARAM=VALUES` and `--experts VALUES` as a sweep over the chosen methods.

    A method given as `package.module:Class` may be called `Class` where one method is meant by it.
    """
    sweep: dict[str, dict[str, list[Any]]] = {}
    for setting in settings:
        target, equals, values = setting.partition("=")
        method, dot, name = target.strip().rpartition(".")
        method = _meant(method, methods)
        if not (equals and dot and name and values.strip()):
            raise UsageError(
                f"--set {setting!r}: write METHOD.PARAM=VALUES, such as mecad.threshold=0.8,0.9"
            )
        if method not in methods:
            load_method(method)
            raise UsageError(
                f"--set {setting}: {method} is not among the methods of this run "
                f"({', '.join(methods)}); add --method {method}"
            )
        tried = sweep.setdefault(method, {})
        if name in tried:
            raise UsageError(
                f"--set {method}.{name} is given twice; write all its values in one, with commas"
            )
        tried[name] = _values(method, name, values, f"--set {setting}")
    if experts is not None:
        takers = [method for method in methods if _has(method, "experts")]
        if not takers:
            able = ", ".join(m for m in method_names() if _loadable_and_has(m, "experts"))
            raise UsageError(
                f"--experts: none of {', '.join(methods)} has experts; methods that do: {able}"
            )
        for method in takers:
            if "experts" in sweep.get(method, {}):
                raise UsageError(f"--experts and --set {method}.experts exclude each other")
            sweep.setdefault(method, {})["experts"] = _values(
                method, "experts", experts, f"--experts {experts}"
            )
    return sweep


def _meant(called: str, methods: Sequence[str]) -> str:
    """The chosen method that `--set` calls by its name, or by its class's alone."""
    found = {name for name in methods if name.endswith(f":{called}")}
    if len(found) > 1 and called not in methods:
        raise UsageError(
            f"--set {called}: {' and '.join(sorted(found))} are both meant by it; write the "
            "whole name"
        )
    return called if called in methods or not found else found.pop()


def _grid(method: str, values: Mapping[str, Sequence[Any]], facts: CellFacts) -> list[Params]:
    """Every combination, resolved; combinations that resolve to the same parameters once."""
    kind = load_method(method)
    names = list(values)
    combinations = itertools.product(*(values[name] for name in names))
    resolved = [
        kind.resolve(kind.Params(**dict(zip(names, combination, strict=True))), facts)
        for combination in combinations
    ]
    return list(dict.fromkeys(resolved))


def _values(method: str, name: str, text: str, where: str) -> list[Any]:
    spec = spec_named(load_method(method).Params, name, method)
    try:
        return spec.parse_sweep(text)
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from None


def _has(method: str, name: str) -> bool:
    return name in {spec.name for spec in specs(load_method(method).Params)}


def _loadable_and_has(method: str, name: str) -> bool:
    try:
        return _has(method, name)
    except Exception:  # a broken plugin is reported where it is used, not here
        return False


def take_shard(cells: Sequence[Cell], shard: str | None) -> list[Cell]:
    """Every N-th cell from the I-th on, for `--shard I/N` with I from 1 to N."""
    if shard is None:
        return list(cells)
    left, _, right = shard.partition("/")
    index, count = parse_whole_number(left), parse_whole_number(right)
    if index is None or count is None or not 1 <= index <= count:
        raise UsageError(f"--shard {shard!r}: write I/N with I from 1 to N, such as 1/4")
    return list(cells[index - 1 :: count])
