"""`Results`: the records of finished runs, for notebooks and scripts."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from ...results.counts import format_count
from ...results.errors import UsageError
from ...results.python_names import python_names
from ...results.records.record import Record
from ...results.records.store import find_records
from ...results.rendering.table import Table
from .frames import long_frame, matrix_frame, run_frame
from .selection import (
    backbone_of,
    check_metric,
    of_refs,
    protocol_id,
    with_params,
    with_value,
)
from .tables import TableOptions, make_tables

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from ...results.statistics.paired import Unit, Value

_LISTED = 20
"""Number of runs that a notebook shows."""
_SHOWN = ("acc", "bwt")
"""Metrics that a notebook shows of each run."""


@dataclass(frozen=True)
class Results(Sequence[Record]):
    """Records of finished runs: as DataFrames, tables and figures.

        results = cadbench.load("runs")
        results.where(method="mecad", experts=[1, 2]).frame(["acc", "bwt", "stored_mb"])
        results.table("main").to_latex("main.tex")
        results.figure("curves").savefig("curves.pdf")

    Results are a sequence of `Record`s, whose tables (`record.scores`, `.metrics`, `.memory`,
    `.events`) are DataFrames too.

    Attributes:
        records: the records.
    """

    records: tuple[Record, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.records)

    @overload
    def __getitem__(self, index: int) -> Record: ...

    @overload
    def __getitem__(self, index: slice) -> Results: ...

    def __getitem__(self, index: int | slice) -> Record | Results:
        found = self.records[index]
        return Results(found) if isinstance(found, tuple) else found

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def __add__(self, other: Results) -> Results:
        """The records of both, each once."""
        return Results(tuple({record.key: record for record in (*self, *other)}.values()))

    def where(
        self,
        *rows: str,
        method: str | Sequence[str] | None = None,
        protocol: str | None = None,
        routing: str | None = None,
        backbone: str | None = None,
        order: str | None = None,
        seed: int | Sequence[int] | None = None,
        **params: Any,
    ) -> Results:
        """Select records.

        Args:
            *rows: rows as on the command line: a method, a method with settings such as
                `mecad:experts=5`, or the beginning of a key.
            method: one or several methods.
            protocol: the id of a protocol, or the name of a built-in one.
            routing: `oracle` or `inferred`.
            backbone: name of the backbone.
            order: name of the order, such as `random:1`.
            seed: one or several seeds.
            **params: parameters of methods with a value or several, such as `experts=[1, 2]`.

        Raises:
            UsageError: nothing has the value; the message lists what there is.
        """
        found = list(self.records)
        if protocol is not None:
            protocol = protocol_id(protocol, {record.protocol for record in found})
        seeds = [seed] if isinstance(seed, int) else seed
        wanted: list[tuple[str, Any, Callable[[Record], str]]] = [
            ("protocol", protocol, lambda record: record.protocol),
            ("method", method, lambda record: record.method),
            ("routing", routing, lambda record: record.routing),
            ("backbone", backbone, backbone_of),
            ("order", order, lambda record: record.order),
            ("seed", None if seeds is None else [str(s) for s in seeds], lambda r: str(r.seed)),
        ]
        for name, value, of in wanted:
            if value is not None:
                values = [value] if isinstance(value, str) else list(value)
                found = with_value(found, values, of, name)
        return Results(tuple(of_refs(with_params(found, params), rows)))

    def frame(self, columns: str | Sequence[str] | None = None) -> pd.DataFrame:
        """Return one row per run: method, protocol, order, seed, parameters, metrics, and key.

        Parameters that vary are before the metrics, those that all runs of a method share behind.

        Args:
            columns: metrics as `cadbench metrics` lists them, such as `acc`, `bwt` or `aupro.acc`
                [acc, acc_learned, bwt, fm, pixel_auroc.acc, aupro.acc, stored_mb].
        """
        return run_frame(self.records, columns)

    def scores(self) -> pd.DataFrame:
        """Return one row per run, experience and test image, with its label, defect and score."""
        return long_frame(self.records, lambda record: record.scores)

    def events(self) -> pd.DataFrame:
        """Return one row per event: assignments, and what methods recorded."""
        return long_frame(self.records, lambda record: record.events)

    def memory(self) -> pd.DataFrame:
        """Return one row per run, experience and expert (-1: the total) with vectors and bytes."""
        return long_frame(self.records, lambda record: record.memory)

    def matrix(self, row: str | None = None, metric: str = "auroc") -> pd.DataFrame:
        """Return R[t, c], the metric of category c after experience t, averaged over seeds.

        Args:
            row: a row name; not needed if there is only one row.
            metric: a metric of categories, such as `auroc` or `aupro`.

        Raises:
            UsageError: the records are of several rows or orders.
        """
        from ...results.analysis.rows import method_labels, parameter_labels, rows_of

        rows = rows_of(of_refs(self.records, [row] if row else []))
        if len(rows) != 1:
            protocols = [each.first.protocol for each in rows]
            if len(set(protocols)) == 1:
                protocols = [""] * len(rows)
            labels = zip(method_labels(rows), parameter_labels(rows), protocols, strict=True)
            names = "; ".join(" ".join(filter(None, label)) for label in labels)
            raise UsageError(
                f"a matrix is of one row, and there are {len(rows)}: {names}; name one, or select "
                "with where(...)"
            )
        return matrix_frame(rows[0].records, metric)

    def tables(
        self,
        name: str = "main",
        *,
        columns: str | Sequence[str] | None = None,
        metric: str = "auroc",
        sort: str | None = None,
        common: bool = False,
        published: bool = False,
        intervals: bool = False,
        allow_mixed: bool = False,
    ) -> list[Table]:
        """Return the tables of a kind: one per protocol and routing, or one per row.

        Args:
            name: main, per-category, defects, experts, domains, thresholds, matrix, memory,
                assignments, events or published, whose claims are compared to records of the same
                stream.
            columns: metrics in `main`, `experts`, `boundaries` or `costs`, as `cadbench metrics`
                lists them [the usual ones].
            metric: metric in `matrix` and `domains`.
            sort: the column that tables comparing rows are sorted by, a heading or its metric: the
                best first; with `-` in front, in reverse.
            common: compare the runs that all rows share, if some rows lack runs.
            published: add published rows of the same stream.
            intervals: add 95 % bootstrap intervals.
            allow_mixed: put rows of different protocols, data or runs in one table, and label them.

        Raises:
            UsageError: the records have nothing to show in such a table.
        """
        from .tables import PUBLISHED, check_name

        check_name("table", name)
        check_metric(metric)
        if name != PUBLISHED:
            self._require_records()
        options = TableOptions(
            columns=(columns,) if isinstance(columns, str) else columns,
            metric=metric,
            sort=sort,
            allow_mixed=allow_mixed,
            common=common,
            published=published,
            intervals=intervals,
        )
        return make_tables(name, self.records, options)

    def table(
        self,
        name: str = "main",
        *,
        columns: str | Sequence[str] | None = None,
        metric: str = "auroc",
        sort: str | None = None,
        common: bool = False,
        published: bool = False,
        intervals: bool = False,
        allow_mixed: bool = False,
    ) -> Table:
        """Return the only table of a kind; it has to_latex, to_markdown, to_csv and to_html.

        See `tables` for the arguments. `published` is the claims about the mean of `metric` on the
        stream of the records, in one line each with our numbers and those of others.

        Raises:
            UsageError: there are several; `where` selects fewer records.
        """
        from .tables import PUBLISHED, claims_table

        if name == PUBLISHED:
            check_metric(metric)
            return claims_table(self.records, metric)
        found = self.tables(
            name,
            columns=columns,
            metric=metric,
            sort=sort,
            common=common,
            published=published,
            intervals=intervals,
            allow_mixed=allow_mixed,
        )
        if len(found) > 1:
            titles = "; ".join(table.title for table in found)
            raise UsageError(
                f"there are {len(found)} tables ({titles}): select records with where(...), or "
                "call tables(...)"
            )
        return found[0]

    def figure(
        self,
        name: str,
        *rows: str,
        metric: str = "auroc",
        cost: str = "stored_mb",
        width: float | str = "column",
        common: bool = False,
        category: str | None = None,
        data_root: str | Path | None = None,
    ) -> Figure:
        """Draw a figure, in the style of the papers' figures.

        Args:
            name: a figure that `cadbench figure --help` lists, such as `curves` or `matrix`.
            *rows: rows to show; without any, per method the row nearest to its defaults.
            metric: the metric to draw, in figures that can show several.
            cost: what `tradeoff` draws the metric against, such as `update_seconds`.
            width: `column` (3.5 inches), `page` (7.16 inches), or a number of inches.
            common: compare the runs that all rows share, if some rows lack runs.
            category: category of the images in `examples`.
            data_root: folder of the dataset, for `examples`.

        Returns:
            A matplotlib Figure; its caption is `figure.get_label()`.

        Raises:
            UsageError: the records do not allow the figure.
        """
        from ...results.figures.drawing.style import WIDTHS, styled
        from .figures import draw_figure, fitting, selections
        from .tables import check_name

        check_name("figure", name)
        check_metric(metric)
        self._require_records()
        if isinstance(width, str) and width not in WIDTHS:
            raise UsageError(f"width: expected {', '.join(WIDTHS)} or inches, got {width!r}")
        inches = WIDTHS[width] if isinstance(width, str) else width
        groups = fitting(name, selections(self.records, rows, metric, common=common, cost=cost))
        if len(groups) > 1:
            raise UsageError(
                f"a figure never mixes protocols, routings or features, and the records have "
                f"{', '.join(groups)}: select records with where(...)"
            )
        (selection,) = groups.values()
        root = None if data_root is None else Path(data_root)
        with styled():
            finished = draw_figure(name, selection, inches, category=category, data_root=root)
        finished.figure.set_label(finished.caption)
        return finished.figure

    @python_names()
    def compare(
        self,
        *rows: str,
        metric: str = "auroc",
        value: Value = "final",
        unit: Unit = "category",
        alpha: float = 0.05,
        common: bool = False,
    ) -> list[Table]:
        """Test whether rows differ: a table of the rows with ranks, and one of the pairs.

        Args:
            *rows: at least two rows, such as `"mecad:experts=5", "patchcore"`.
            metric: a metric with one value per category.
            value: `final`, `learned`, or `change` (final minus learned).
            unit: unit of the tests, `category`, or `category_run` (a category, seed and order).
            alpha: significance level of the critical difference.
            common: compare the runs that all rows share, if some rows lack runs.

        Raises:
            UsageError: a name matches no row or several, or the rows are not comparable.
        """
        from .comparison import compare_rows

        options: dict[str, Any] = {"value": value, "unit": unit, "alpha": alpha, "common": common}
        return compare_rows(self.records, rows, metric=metric, **options).tables

    def _require_records(self) -> None:
        if not self.records:
            raise UsageError("there are no records; create some with Study.run or `cadbench run`")

    def __repr__(self) -> str:
        if not self.records:
            return "<Results: no records>"
        methods = ", ".join(dict.fromkeys(record.method for record in self.records))
        seeds = format_count(len({record.seed for record in self.records}), "seed")
        orders = format_count(len({record.order for record in self.records}), "order")
        return f"<Results: {format_count(len(self), 'record')} of {methods}; {seeds}, {orders}>"

    def _repr_html_(self) -> str:
        """One line per run, for notebooks."""
        shown = run_frame(self.records[:_LISTED], _SHOWN).drop(columns="key")
        more = len(self) - len(shown)
        always = ("method", "order", "seed", *_SHOWN)
        columns = [name for name in shown if name in always or shown[name].nunique() > 1]
        note = f"<p>and {more} more</p>" * (more > 0)
        shown = shown[columns].astype(object)
        shown = shown.where(shown.notna(), "")
        table: str = shown.to_html(index=False, float_format="{:.3f}".format)
        return f"<p>{html.escape(repr(self))}</p>{table}{note}"


def load(out: str | Path = "runs") -> Results:
    """Load the records of a folder.

    Args:
        out: folder of the records, as given to `run`.

    Raises:
        UsageError: the folder has no record.
    """
    import warnings

    folder = Path(out).expanduser()
    found = find_records(folder, warn=lambda line: warnings.warn(line, stacklevel=3))
    if not found:
        raise UsageError(f"no records in {folder}; create some with Study.run or `cadbench run`")
    return Results(tuple(found))
