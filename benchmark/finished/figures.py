"""Draw the figures of records by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...results.analysis.comparison import groups_by_data
from ...results.analysis.rows import Row, rows_of
from ...results.analysis.shares import groups_of_shares
from ...results.did_you_mean import suggestion
from ...results.errors import UsageError
from ...results.figures.catalog import ACROSS_SHARES, COSTS, EXAMPLES, draw
from ...results.records.record import Record
from ...results.records.schema import features_key
from ..plugins.default_params import default_params
from ..system.cache import cache_root
from .row_names import find_rows
from .selection import backbone_of, of_refs

if TYPE_CHECKING:
    from ...results.figures.drawing.figure import FinishedFigure
    from ...results.figures.selection import Selection
    from ..data.opening.locations import DataRoots


def selections(
    records: Sequence[Record],
    refs: Sequence[str],
    metric: str,
    *,
    common: bool = False,
    cost: str = "stored_mb",
) -> dict[str, Selection]:
    """Select what figures show, once per protocol, dataset, routing and features.

    Args:
        records: the records.
        refs: row names; without any, all rows. Groups that lack a named row are left out.
        metric: the metric that figures show.
        common: compare the runs that all rows share, if some rows lack runs.
        cost: what `tradeoff` draws the metric against.

    Returns:
        Name of the group, for file names -> selection. Rows of all shares of `--contaminate` are
        one more group, which only `fitting` figures show.

    Raises:
        UsageError: a row name matches no row or several, or the cost is unknown.
    """
    if cost not in COSTS:
        raise UsageError(
            f"unknown cost {cost!r}{suggestion(cost, COSTS)}; available: {', '.join(COSTS)}"
        )
    from ...results.figures.selection import select_rows

    groups = _groups(rows_of(records))
    options: dict[str, Any] = {"base": metric, "common": common, "cost": cost}
    options["defaults"] = default_params(records)
    found = {}
    for name, rows in groups.items():
        try:
            chosen = find_rows(refs, rows) if refs else []
        except UsageError:
            continue
        run = _named_run(refs[0], chosen[0]) if chosen else None
        found[name] = select_rows(rows, chosen, run, **options)
    found |= _across_shares(records, refs, **options)
    if not found:
        find_rows(refs, rows_of(records))  # raises the message about all rows
    return found


def fitting(name: str, groups: Mapping[str, Selection]) -> dict[str, Selection]:
    """Return the groups that a figure can show.

    Raises:
        UsageError: there is none.
    """
    across = name == ACROSS_SHARES
    found = {group: each for group, each in groups.items() if each.across_shares == across}
    if not found and across:
        raise UsageError(
            f"figure {name}: none of these records was run with --contaminate, such as "
            "--contaminate 0,0.02,0.05,0.1"
        )
    return found


def draw_figure(
    name: str,
    selection: Selection,
    width: float,
    *,
    category: str | None = None,
    data_root: Path | DataRoots | None = None,
) -> FinishedFigure:
    """Draw a figure; call and save it inside `style.styled()`.

    Args:
        name: a key of `FIGURES`.
        selection: the rows and runs.
        width: width in inches.
        category: category of the images in `examples`.
        data_root: folder of the dataset, for `examples`.

    Raises:
        UsageError: the records do not allow the figure.
    """
    if name == EXAMPLES:
        return _draw_examples(selection, width, category, data_root)
    selection = replace(selection, notes=[])  # a list of this figure's own
    figure = draw(name, selection, width)
    return replace(figure, caption="; ".join([figure.caption, *selection.notes]))


def _draw_examples(
    selection: Selection, width: float, category: str | None, data_root: Path | DataRoots | None
) -> FinishedFigure:
    from ...results.analysis.comparison import final_row
    from ...results.figures.kinds.examples import draw_examples
    from ...results.figures.selection import NothingToDraw
    from ...results.records.schema import columns_of
    from ..data.opening.open_dataset import dataset_option_of_record, open_dataset
    from ..progress.choose_reporter import choose_reporter
    from ..recorded_images.figure_examples import check_has_maps, load_examples

    record = selection.record()
    check_has_maps(record)
    final = final_row(record, selection.base)
    if category is None:
        defined = {each: value for each, value in final.items() if value == value}
        if not defined:
            raise NothingToDraw(f"no category has a final {selection.heading}; use --category")
        worst_of = min if selection.metric.higher_is_better else max
        category = worst_of(defined, key=defined.__getitem__)
    elif category not in final:
        raise UsageError(
            f"--category: the run has no category {category!r}{suggestion(category, final)}; "
            f"available: {', '.join(final)}"
        )
    dataset = record.cell["dataset"]
    manifest = open_dataset(
        dataset_option_of_record(dataset),
        None if dataset == "synthetic" else data_root,
        [columns_of(record.cell)[category]],
        require_every_dataset=False,
        skip_unreadable=True,
        cache=cache_root(),
        reporter=choose_reporter(-1),
    )
    worst, best = load_examples(record, category, manifest)
    caption = (
        f"{category} ({selection.heading} {final[category]:.3f}): worst, the defective test images "
        "with the lowest and the good ones with the highest scores; best, the opposite. Each shows "
        f"label and score, the image and its anomaly map; green: the outline of the mask. "
        f"{selection.about(record)}"
    )
    return draw_examples(worst, best, width, caption)


def _groups(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows that one figure may show, by a name that tells the groups apart."""
    found: dict[str, list[Row]] = {}
    for routing in sorted({row.first.routing for row in rows}, reverse=True):
        same_routing = [row for row in rows if row.first.routing == routing]
        for distinction, group in groups_by_data(same_routing):
            features = {features_key(row.first.cell): backbone_of(row.first) for row in group}
            for key, backbone in features.items():
                parts = [group[0].first.protocol, *[distinction] * bool(distinction)]
                if len(features) > 1:
                    several = list(features.values()).count(backbone) > 1
                    parts += [backbone, *[key[:8]] * several]
                name = "-".join("-".join(parts).replace(",", "").replace("/", "-").split())
                found[name] = [row for row in group if features_key(row.first.cell) == key]
    return found


def _across_shares(
    records: Sequence[Record], refs: Sequence[str], **options: Any
) -> dict[str, Selection]:
    """One selection per stream of contaminated rows, over all shares."""
    from ...results.figures.selection import Selection

    found = {}
    for routing in sorted({record.routing for record in records}):
        rows = rows_of([record for record in records if record.routing == routing])
        for title, group in groups_of_shares(rows).items():
            try:
                named = of_refs([r for row in group for r in row.records], refs) if refs else []
            except UsageError:
                continue
            keys = {record.key for record in named}
            chosen = tuple(row for row in group if any(r.key in keys for r in row.records))
            name = "-".join(title.replace(",", "").replace("/", "-").split())
            found[name] = Selection(tuple(group), chosen, across_shares=True, **options)
    return found


def _named_run(ref: str, row: Row) -> Record | None:
    """The run of a row if `ref` is the beginning of that run's own key."""
    return next((record for record in row.records if record.key.startswith(ref)), None)
