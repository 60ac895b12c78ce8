"""`cadbench figure`: draw figures from records, ready for a paper."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ....results.analysis.rows import Row, rows_of
from ....results.did_you_mean import suggestion
from ....results.errors import CadbenchError, DataError, UsageError
from ....results.figures.catalog import EXAMPLES, FIGURES
from ....results.figures.drawing.style import FORMATS, WIDTHS
from ....results.metrics.registry import CATEGORY_METRICS
from ....results.sanitizing import printable
from ...system.cache import cache_root
from ..shared.default_params import default_params
from ..shared.options import data_root_option, out_option, parse_names
from ..shared.readable_records import with_readable
from ..shared.record_selection import methods_option, protocol_option, select_records
from ..shared.row_names import find_rows

if TYPE_CHECKING:
    from ....results.figures.drawing.figure import FinishedFigure
    from ....results.figures.selection import Selection
    from ....results.records.record import Record
    from ...data.opening.locations import DataRoots

ALL = "all"
_MIN_INCHES, _MAX_INCHES = 2.5, 20.0


@click.command(
    "figure",
    short_help="Draw figures from records: PDF, SVG, PNG.",
    epilog="\b\nFigures:\n"
    + "\n".join(f"  {name:<17} {line}" for name, (_, line) in FIGURES.items()),
)
@click.argument("name", metavar="NAME|all")
@click.argument("refs", nargs=-1, metavar="[ROW...]")
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path),
    default=Path("figures"),
    show_default=True,
    metavar="DIR",
    help="Folder for the files, such as NAME.pdf.",
)
@click.option(
    "--format",
    "formats",
    default="pdf",
    show_default=True,
    metavar="LIST",
    help="File formats: pdf, svg, png, or several such as pdf,png.",
)
@click.option(
    "--width",
    default="column",
    show_default=True,
    metavar="column|page|INCHES",
    help="Width: column is 3.5 inches, page is 7.16 inches.",
)
@click.option(
    "--metric",
    "base",
    type=click.Choice(list(CATEGORY_METRICS)),
    default="auroc",
    show_default=True,
    help="Metric to draw, in figures that can show several.",
)
@methods_option
@protocol_option
@click.option(
    "--routing",
    type=click.Choice(["oracle", "inferred"]),
    default=None,
    help="Only records with this routing.",
)
@click.option("--backbone", default=None, metavar="NAME", help="Only records with this backbone.")
@click.option(
    "--category",
    default=None,
    metavar="NAME",
    help="Category of the images in `examples` [default: the one with the worst final metric].",
)
@data_root_option
@out_option
def command(
    name: str,
    refs: tuple[str, ...],
    folder: Path,
    formats: str,
    width: str,
    base: str,
    methods: str | None,
    protocol: str | None,
    routing: str | None,
    backbone: str | None,
    category: str | None,
    data_root: Path | DataRoots | None,
    out: Path,
) -> None:
    """Draw one figure, or all that the records allow, and print a caption for each.

    ROW is a method, a method with settings (mecad:experts=5), or the beginning of a key. Figures
    that compare rows draw these [default: per method, the row nearest to its defaults]; figures of
    a single run draw the first.
    """
    wanted = _figures(name)
    kinds, inches = _formats(formats), _inches(width)
    _check_folder(folder)
    records = select_records(out, parse_names(methods), protocol)
    records = _only(records, "--routing", routing, lambda record: record.routing)
    records = _only(records, "--backbone", backbone, _backbone)
    _, records = with_readable(records, lambda readable: _source(refs, readable, base))

    from ....results.figures.drawing.style import save, styled

    drew_any = False
    left_out: dict[str, list[str]] = {}
    for each in wanted:

        def draw_figure(readable: list[Record], name: str = each) -> FinishedFigure:
            return _draw(name, _source(refs, readable, base), inches, category, data_root)

        with styled(), warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                figure, records = with_readable(records, draw_figure)
            except (UsageError, DataError) as error:
                if name != ALL:
                    raise
                left_out.setdefault(str(error), []).append(each)
                continue
            paths = [folder / f"{each}.{kind}" for kind in kinds]
            for path in paths:
                save(figure.figure, path, figure.caption)
        drew_any = True
        if any("missing from font" in str(warning.message) for warning in warned):
            click.echo(
                printable(f"warning: {each}: DejaVu Sans lacks some of its characters"),
                err=True,
            )
        click.echo(printable(f"{', '.join(map(str, paths))}: {figure.caption}"))
    for reason, skipped in left_out.items():
        click.echo(printable(f"left out {', '.join(skipped)}: {reason}"), err=True)
    if not drew_any:
        raise CadbenchError("no figure could be drawn from these records (see above)")


def _draw(
    name: str,
    source: Selection,
    width: float,
    category: str | None,
    data_root: Path | DataRoots | None,
) -> FinishedFigure:
    from ....results.figures.catalog import draw

    if name == EXAMPLES:
        return _draw_examples(source, width, category, data_root)
    return draw(name, source, width)


def _draw_examples(
    source: Selection, width: float, category: str | None, data_root: Path | DataRoots | None
) -> FinishedFigure:
    from ....results.analysis.comparison import final_row
    from ....results.figures.kinds.examples import draw_examples
    from ....results.figures.selection import NothingToDraw
    from ....results.records.schema import columns_of
    from ...data.opening.open_dataset import dataset_option_of_record, open_dataset
    from ...progress.choose_reporter import choose_reporter
    from ...recorded_images.figure_examples import check_has_maps, load_examples

    record = source.record()
    check_has_maps(record)
    final = final_row(record, source.base)
    if category is None:
        defined = {each: value for each, value in final.items() if value == value}
        if not defined:
            raise NothingToDraw(f"no category has a final {source.heading}; use --category")
        worst_of = min if source.higher_is_better else max
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
        f"{category} ({source.heading} {final[category]:.3f}): worst, the defective test images "
        "with the lowest and the good ones with the highest scores; best, the opposite. Each shows "
        f"label and score, image, anomaly map and mask. {source.about(record)}"
    )
    return draw_examples(worst, best, width, caption)


def _source(refs: Sequence[str], records: Sequence[Record], base: str) -> Selection:
    from ....results.figures.selection import select_rows

    rows = rows_of(records)
    chosen = find_rows(refs, rows) if refs else []
    run = _named_run(refs[0], chosen[0]) if chosen else None
    return select_rows(rows, chosen, run, base=base, defaults=default_params(records))


def _named_run(ref: str, row: Row) -> Record | None:
    """The run of a row if `ref` is the beginning of that run's own key."""
    return next((record for record in row.records if record.key.startswith(ref)), None)


def _figures(name: str) -> list[str]:
    if name == ALL:
        return list(FIGURES)
    if name not in FIGURES:
        raise UsageError(
            f"unknown figure {name!r}{suggestion(name, FIGURES)}; available: "
            f"{', '.join(FIGURES)}, {ALL}"
        )
    return [name]


def _formats(text: str) -> tuple[str, ...]:
    kinds = parse_names(text.lower()) or ()
    for kind in kinds:
        if kind not in FORMATS:
            raise UsageError(f"--format: unknown format {kind!r}; available: {', '.join(FORMATS)}")
    return kinds


def _inches(text: str) -> float:
    if text in WIDTHS:
        return WIDTHS[text]
    try:
        inches = float(text)
    except ValueError:
        inches = 0.0
    if not _MIN_INCHES <= inches <= _MAX_INCHES:
        raise UsageError(
            f"--width {text!r}: write column, page, or a number of inches from {_MIN_INCHES:g} to "
            f"{_MAX_INCHES:g}"
        )
    return inches


def _check_folder(folder: Path) -> None:
    """Raise `UsageError` if files cannot be written to the folder, before anything is computed."""
    existing = next(
        each for each in (folder.absolute(), *folder.absolute().parents) if each.exists()
    )
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise UsageError(f"--to {folder}: {existing} is not a writable folder")


def _backbone(record: Record) -> str:
    return str(record.cell["features"]["backbone"])


def _only(
    records: list[Record], option: str, value: str | None, of: Callable[[Record], str]
) -> list[Record]:
    if value is None:
        return records
    found = [record for record in records if of(record) == value]
    if not found:
        available = sorted({of(record) for record in records})
        raise UsageError(
            f"{option} {value}: no record has this value{suggestion(value, available)}; available: "
            f"{', '.join(available)}"
        )
    return found
