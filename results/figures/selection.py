"""Select what a figure shows: rows of one protocol, routing and backbone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from ..analysis.comparable import check_comparable
from ..analysis.comparison import Comparison, compare, with_equal_runs
from ..analysis.quantities import stored_matrix
from ..analysis.rows import (
    SWEPT,
    Defaults,
    Row,
    backbone_labels,
    experts_of,
    method_labels,
    parameter_labels,
)
from ..errors import UsageError
from ..metrics.compute import owners
from ..metrics.metric import CategoryMetric, Index, Matrix
from ..metrics.registry import CATEGORY_METRICS, DEFAULT, METRICS_OF_SCORES, stored_name
from ..records.record import Record
from ..records.schema import canonical_json, features_key
from ..rendering.method_marks import printed_name
from ..statistics.bootstrap import Bootstrap
from ..statistics.intervals import NO_MASKS, describe_draws
from ..tables.paired import row_titles
from .drawing.style import MOST

Thing = TypeVar("Thing")


class NothingToDraw(UsageError):
    """The records do not hold what a figure needs; the message says what is missing."""


@dataclass(frozen=True)
class Selection:
    """The rows and runs that a figure shows.

    Attributes:
        rows: all rows of one setting.
        chosen: the rows that the user named, in that order.
        run: the run that the user named.
        base: the metric that figures show, one of the base metrics.
        cost: what `tradeoff` draws the metric against, one of `catalog.COSTS`.
        defaults: default parameters by method name.
        common: compare the runs that all rows share, if some rows lack runs.
        across_shares: the rows differ in the share of defective training images.
        notes: what was left out, for the caption; filled while a figure is drawn.
    """

    rows: tuple[Row, ...]
    chosen: tuple[Row, ...] = ()
    run: Record | None = None
    base: str = DEFAULT
    cost: str = "stored_mb"
    defaults: Defaults = field(default_factory=dict)
    bootstrap: Bootstrap = field(default_factory=Bootstrap)
    common: bool = False
    across_shares: bool = False
    notes: list[str] = field(default_factory=list, compare=False)

    @property
    def metric(self) -> CategoryMetric:
        return CATEGORY_METRICS[self.base]

    @property
    def heading(self) -> str:
        """The metric as axes print it, such as `AUROC`."""
        return self.metric.heading

    def quantity(self, name: str) -> str:
        """The name in `analysis.quantities` of a continual metric of `base`."""
        return stored_name(self.base, name)

    def compared(self) -> tuple[Row, ...]:
        """The rows of a figure that compares methods: the named rows, or one row per method.

        Without names it is the row nearest to the method's defaults.
        """
        return few(self.with_equal_runs(self.chosen or self.usual_rows()), "rows")

    def usual_rows(self) -> tuple[Row, ...]:
        """One row per method: the one nearest to the method's defaults."""
        methods = dict.fromkeys(row.first.method for row in self.rows)
        return tuple(self._usual([r for r in self.rows if r.first.method == m]) for m in methods)

    def with_equal_runs(self, rows: Sequence[Row]) -> tuple[Row, ...]:
        """Give all rows the same runs.

        Rows that the user did not name are left out where they lack runs; `notes` says which.

        Raises:
            UsageError: named rows lack runs, and `common` is False.
        """
        if self.chosen and not self.common and not self.across_shares:
            check_comparable(rows)
            return tuple(rows)
        kept, notes = with_equal_runs(rows, common=self.common)
        self.notes.extend(note for note in notes if note not in self.notes)
        return tuple(kept)

    def comparison(self, rows: Sequence[Row]) -> Comparison:
        """Compare rows that have the same runs."""
        found = compare(rows[0].first.routing, rows)
        if not any(reading.of(self.base) for readings in found.readings for reading in readings):
            raise NothingToDraw(f"no category has a final {self.heading} in all of these rows")
        return found

    def sweeps(self) -> list[tuple[Row, ...]]:
        """Rows that differ only in the number of experts, sorted by it: one tuple per sweep."""
        every = [row for row in self.rows if experts_of(row.first) is not None]
        wanted = {_but_experts(row) for row in self.chosen} & {_but_experts(row) for row in every}
        sweeps = [
            series
            for series in series_of(every)
            if len(series) > 1 and (not wanted or _but_experts(series[0]) in wanted)
        ]
        if sweeps:
            kept = self.with_equal_runs([row for series in sweeps for row in series])
            sweeps = [series for series in series_of(kept) if len(series) > 1]
        if not sweeps:
            raise NothingToDraw(
                "no method was run with several numbers of experts; "
                "`cadbench run --method mecad --experts 1-8` does that"
            )
        return sweeps

    def main_sweep(self) -> tuple[Row, ...]:
        """The sweep of the named row, or the one nearest to the defaults."""
        sweeps = self.sweeps()
        nearest = self._usual([row for sweep in sweeps for row in sweep])
        return next(sweep for sweep in sweeps if nearest in sweep)

    def record(self, *, assigning: bool = False) -> Record:
        """The run of a figure that shows one run: the named one, or the first of the named row.

        Without a name it is a run of the row nearest to its defaults; rows in which an expert has
        several categories are preferred, then other rows with experts.

        Args:
            assigning: only runs that assign experts.
        """
        if self.run is not None:
            rows: Sequence[Row] = [row for row in self.chosen if self.run in row.records]
        else:
            rows = self.chosen or self.rows
        experts = [row for row in rows if owner_of(row.first) is not None]
        if assigning and not experts:
            raise NothingToDraw(f"{_methods(rows)} assigned no experts")
        shared = [row for row in experts if _shares_expert(row.first)]
        usual = self._usual(shared or experts or rows)
        row = rows[0] if self.chosen and not assigning else usual
        return row.first if self.run is None or self.run not in row.records else self.run

    def record_with(self, has: Callable[[Record], bool], missing: str) -> Record:
        """The run of a figure that needs more than scores: as `record`, of the rows that have it.

        Args:
            has: whether a run has what the figure shows.
            missing: what the message says of methods none of whose runs has it.
        """
        if self.run is not None and has(self.run):
            return self.run
        rows = self.chosen or self.rows
        having = [row for row in rows if has(row.first)]
        if not having or self.run is not None:
            raise NothingToDraw(f"{_methods(rows)} {missing}")
        return (having[0] if self.chosen else self._usual(having)).first

    def matrix(self, record: Record) -> tuple[Matrix, Index]:
        """(R, s) of a run over all its categories, in the order of the stream."""
        R, s = stored_matrix(record, base=self.base)
        if np.isnan(R[-1]).all():
            raise NothingToDraw(f"{describe(record)} has no {self.heading}")
        return R, s

    def intervals(self, rows: Sequence[Row]) -> str:
        """The sentence of a caption about the intervals of these rows."""
        if self.base not in METRICS_OF_SCORES:
            return f"none, because {NO_MASKS}"
        text = describe_draws(rows, self.bootstrap.draws.replicates)
        return text.removeprefix("[low, high] is ")

    def titles(self, rows: Sequence[Row]) -> list[str]:
        """The names of the rows in legends."""
        return [
            _printed(title, row)
            for title, row in zip(row_titles(rows, self.defaults), rows, strict=True)
        ]

    def series_titles(self, series: Sequence[tuple[Row, ...]]) -> list[str]:
        """The names of series in legends, with the number of experts if a series has only one."""
        firsts = [rows[0] for rows in series]
        names = [
            _printed(label, row) for label, row in zip(method_labels(firsts), firsts, strict=True)
        ]
        whole = parameter_labels(firsts, self.defaults)
        common = parameter_labels(firsts, self.defaults, hidden=(SWEPT,))
        return [
            " ".join(filter(None, [name, in_common if len(rows) > 1 else params]))
            for rows, name, params, in_common in zip(series, names, whole, common, strict=True)
        ]

    def about(self, record: Record) -> str:
        """A run as captions name it: `mecad experts=5 (1a2b3c4d), ...`."""
        titles = zip(self.rows, row_titles(self.rows, self.defaults), strict=True)
        row, title = next(each for each in titles if record in each[0].records)
        (backbone,) = backbone_labels([row])
        name = title.removesuffix(f" ({row.first.key[:8]})")
        return (
            f"{name} (run {record.key[:8]}), {record.protocol}, {record.routing} routing, "
            f"order {record.order}, seed {record.seed}, {backbone}"
        )

    def _usual(self, rows: Sequence[Row]) -> Row:
        """The row nearest to its method's defaults."""
        return min(rows, key=lambda row: _distance(row.first, self.defaults))


def select_rows(
    rows: Sequence[Row], chosen: Sequence[Row] = (), run: Record | None = None, **options: Any
) -> Selection:
    """Select the rows for figures from all `rows`, or from the `chosen` ones.

    Raises:
        UsageError: the chosen rows have several protocols, routings or backbones.
    """
    considered = chosen or rows
    if not considered:
        raise NothingToDraw("there are no records; `cadbench run` makes some")
    for what, how, of in (
        ("protocols", "--protocol", lambda row: row.first.protocol),
        ("routings", "--routing", lambda row: row.first.routing),
        ("backbones", "--backbone", lambda row: row.first.cell["features"]["backbone"]),
    ):
        several = sorted({of(row) for row in considered})
        if len(several) > 1:
            raise UsageError(
                f"a figure never mixes {what}, and the records have {', '.join(several)}; "
                f"choose one with {how}"
            )
    conditions = {_conditions(row) for row in considered}
    names = "data or meanings of a protocol id", "feature settings"
    for what, values in zip(names, zip(*conditions, strict=True), strict=True):
        if len({*values}) > 1:
            raise UsageError(
                f"a figure never mixes {what}, and the records have several; name the rows, or "
                "give another --out"
            )
    comparable = [row for row in rows if _conditions(row) in conditions]
    return Selection(tuple(comparable), tuple(chosen), run, **options)


def series_of(rows: Sequence[Row]) -> list[tuple[Row, ...]]:
    """Group rows that differ only in the number of experts, sorted by it."""
    found: dict[bytes, list[Row]] = {}
    for row in rows:
        found.setdefault(_but_experts(row), []).append(row)
    return [
        tuple(sorted(each, key=lambda row: experts_of(row.first) or 0)) for each in found.values()
    ]


def describe(record: Record) -> str:
    """A run as messages name it: `mecad (1a2b3c4d)`."""
    return f"{record.method} ({record.key[:8]})"


def owner_of(record: Record) -> Mapping[str, int] | None:
    """Category -> the expert that owns it at the end; None if the run assigned none."""
    found = owners(record.events, record.categories)
    return None if found is None else dict(zip(record.categories, found.tolist(), strict=True))


def _conditions(row: Row) -> tuple[object, str]:
    """What all rows of a figure share, beside protocol, routing and backbone."""
    return row.data, features_key(row.first.cell)


def few(things: Sequence[Thing], what: str) -> tuple[Thing, ...]:
    """Return `things`; raise if there are more than a figure can show."""
    if len(things) > MOST:
        raise NothingToDraw(f"{len(things)} {what} are more than the {MOST} that can be told apart")
    return tuple(things)


def _methods(rows: Sequence[Row]) -> str:
    return ", ".join(dict.fromkeys(row.first.method for row in rows))


def _distance(record: Record, defaults: Defaults) -> tuple[int, float]:
    """How many parameters differ from the defaults, and by how much the numbers among them."""
    usual = defaults.get(record.method, {})
    differing = [
        (value, usual[name])
        for name, value in record.params.items()
        if name in usual and usual[name] != value
    ]
    relative = sum(
        abs(value - default) / max(abs(value), abs(default))
        for value, default in differing
        if type(value) in (int, float) and type(default) in (int, float)
    )
    return len(differing), relative


def _shares_expert(record: Record) -> bool:
    """Whether there are several experts, and one of them owns several categories."""
    owner = list((owner_of(record) or {}).values())
    return 1 < len({*owner}) < len(owner)


def _printed(title: str, row: Row) -> str:
    """A title of a row with the name of its method as papers print it."""
    method = row.first.method
    return printed_name(method) + title.removeprefix(method)


def _but_experts(row: Row) -> bytes:
    params = dict(row.first.params)
    if experts_of(row.first) is not None:
        del params[SWEPT]
    method = row.first.cell["method"]
    return canonical_json([method["name"], method["version"], params, row.first.cell.get("tuned")])
