"""Our runs of a paper's configuration: sweeps over the number of experts, and differences."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from ..analysis.comparison import Comparison, compare, final_row
from ..analysis.quantities import Reading
from ..analysis.repetitions import spread_over_runs
from ..analysis.rows import SWEPT, Row, experts_of, rows_of
from ..counts import format_count
from ..metrics.compute import owners
from ..published.rows import PublishedRow
from ..records.record import Record
from ..records.schema import canonical_json, features_key
from ..rendering.table import Spread
from ..statistics.agreement import Assignment
from .paper import Paper


@dataclass(frozen=True)
class Point:
    """The runs with one number of experts: their row, and one reading per run."""

    row: Row
    readings: tuple[Reading, ...]

    def final(self, category: str) -> Spread:
        """R[T, c] over the runs."""
        records = self.row.records
        values = (final_row(record).get(category, math.nan) for record in records)
        return spread_over_runs(records, values)


@dataclass(frozen=True)
class Sweep:
    """Points by number of experts, with equal other parameters, which the label names."""

    label: str
    points: Mapping[int, Point]


@dataclass(frozen=True)
class Reproduction:
    """All sweeps on the same images and features, and the rows that the paper printed."""

    paper: Paper
    printed: tuple[PublishedRow, ...]
    comparison: Comparison
    sweeps: tuple[Sweep, ...]

    @property
    def first(self) -> Record:
        return self.comparison.rows[0].first

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories that every run has."""
        return self.comparison.readings[0][0].categories

    @property
    def complete(self) -> bool:
        """Whether our runs have all categories of the paper."""
        return len(self.categories) == self.paper.categories

    @property
    def comparable(self) -> bool:
        """Whether means can be compared with the paper's: all categories, and its features."""
        return self.complete and not self._other_features

    @property
    def title(self) -> str:
        return f"{self.paper.title}, {_features(self.first)}, {self.first.protocol}"

    @property
    def differing(self) -> str:
        """How these runs differ from the paper; empty if they do not."""
        return "; ".join([*self._other_features, *self._other_params, *self._other_images])

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """Notes for every table: how these runs differ from the paper."""
        notes = [f"not the paper's configuration: {self.differing}"] if self.differing else []
        if not self.comparable:
            notes.append("means are not compared with the paper's, only single categories are")
        return (*notes, *self.comparison.left_out)

    def printed_with(self, metric: str) -> dict[int, PublishedRow]:
        """Return the paper's rows of a metric by number of experts."""
        rows = (row for row in self.printed if row.metric == metric)
        return {row.experts: row for row in rows if row.experts is not None}

    @property
    def assignment(self) -> PublishedRow | None:
        """The row with the categories of each expert, if the paper printed them."""
        return next((row for row in self.printed if row.assignment), None)

    @property
    def _other_features(self) -> list[str]:
        paper, theirs = self.paper, f"{self.paper.backbone} {self.paper.embedding}"
        ours = _features(self.first)
        found = [] if ours == theirs else [f"features {ours} instead of {theirs}"]
        if str(self.first.cell["features"]["weights"]).startswith("random:"):
            found.append("an untrained backbone")
        crop = self.first.cell["preprocessing"]["crop"]
        if crop != paper.image_size:
            found.append(f"images of {crop} instead of {paper.image_size} pixels")
        mode = self.first.cell["preprocessing"].get("mode", "crop")
        if mode != "crop":
            found.append(f"images resized by {mode} instead of a crop")
        return found

    @property
    def _other_params(self) -> list[str]:
        params = self.first.params
        return [
            f"{name}={params[name]} instead of {text}"
            for name, text in self.paper.params.items()
            if name in params and not _written(params[name], text)
        ]

    @property
    def _other_images(self) -> list[str]:
        found = []
        if not self.complete:
            found.append(
                f"{len(self.categories)} of {format_count(self.paper.categories, 'category')} "
                f"({', '.join(self.categories)})"
            )
        if self.first.run["skipped"]:
            count = format_count(len(self.first.run["skipped"]), "unreadable image")
            found.append(f"{count} left out")
        return found


def reproductions(paper: Paper, records: Iterable[Record]) -> list[Reproduction]:
    """Return one reproduction per protocol, images and features among runs of the paper."""
    groups: dict[tuple[object, ...], list[Record]] = {}
    for record in records:
        key = (record.protocol, record.cell["manifest"], features_key(record.cell))
        groups.setdefault(key, []).append(record)
    return [_reproduction(paper, group) for group in groups.values()]


def assignment_of(record: Record) -> dict[str, int]:
    """Return category -> the expert that owns it after the last experience."""
    owner = owners(record.events, record.categories)
    if owner is None:
        return {}
    return {c: int(e) for c, e in zip(record.categories, owner, strict=True) if e >= 0}


def printed_assignment(row: PublishedRow, categories: Iterable[str]) -> Assignment:
    """Return category -> expert as the paper prints it, for the given categories."""
    present = set(categories)
    return {c: int(e) for e, owned in row.assignment.items() for c in owned if c in present}


def _reproduction(paper: Paper, records: Iterable[Record]) -> Reproduction:
    comparison = compare(paper.routing, rows_of(records))
    groups: dict[bytes, dict[int, Point]] = {}
    for row, readings in zip(comparison.rows, comparison.readings, strict=True):
        experts = experts_of(row.first)
        if experts is None:
            continue
        others = {name: value for name, value in row.first.params.items() if name != SWEPT}
        key = canonical_json([others, row.first.cell["method"]["version"]])
        groups.setdefault(key, {})[experts] = Point(row, readings)
    kinds = list(groups.values())
    params = [next(iter(points.values())).row.first.params for points in kinds]
    sweeps = [
        Sweep(_label(paper, mine, params), dict(sorted(points.items())))
        for mine, points in zip(params, kinds, strict=True)
    ]
    return Reproduction(paper, tuple(paper.rows()), comparison, tuple(sweeps))


def _features(record: Record) -> str:
    features = record.cell["features"]
    return f"{features['backbone']} {features['embedding']}"


def _label(paper: Paper, mine: Mapping[str, object], every: Iterable[Mapping[str, object]]) -> str:
    """Return `categories_per_expert=5`: the swept parameters, and others that differ."""
    others = list(every)
    named = [
        name
        for name, value in mine.items()
        if name != SWEPT
        and (name in paper.sweep or any(other.get(name) != value for other in others))
    ]
    return ", ".join(f"{name}={mine[name]}" for name in named)


def _written(value: object, text: str) -> bool:
    """Whether a parameter has the value that the text gives."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(text) == value
    return str(value) == text
