"""`cadbench figure`: draw figures from records, ready for a paper."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ....results.errors import CadbenchError, DataError, UsageError
from ....results.figures.catalog import ACROSS_SHARES, COSTS, FIGURES
from ....results.figures.drawing.style import FORMATS, WIDTHS
from ....results.metrics.registry import CATEGORY_METRICS
from ....results.sanitizing import printable
from ...finished.figures import draw_figure, fitting, selections
from ...finished.selection import backbone_of, with_value
from ...finished.tables import check_name
from ..shared.options import data_root_option, is_given, out_option, parse_names
from ..shared.readable_records import with_readable
from ..shared.record_selection import (
    common_option,
    methods_option,
    protocol_option,
    routing_option,
    select_records,
)

if TYPE_CHECKING:
    from ....results.figures.drawing.figure import FinishedFigure
    from ....results.figures.selection import Selection
    from ....results.records.record import Record
    from ...data.opening.locations import DataRoots

ALL = "all"
_ONLY = {"category": "examples", "cost": "tradeoff"}
"""Options that one figure has."""
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
@click.option(
    "--cost",
    type=click.Choice(COSTS),
    default="stored_mb",
    show_default=True,
    help="What `tradeoff` draws the metric against; seconds and joules need runs with --time.",
)
@methods_option
@protocol_option
@routing_option
@click.option("--backbone", default=None, metavar="NAME", help="Only records with this backbone.")
@common_option
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
    cost: str,
    methods: str | None,
    protocol: str | None,
    routing: str | None,
    backbone: str | None,
    common: bool,
    category: str | None,
    data_root: Path | DataRoots | None,
    out: Path,
) -> None:
    """Draw one figure, or all that the records allow, and print a caption for each.

    ROW is a method, a method with settings (mecad:experts=5), or the beginning of a key. Figures
    that compare rows draw these [default: per method, the row nearest to its defaults]; figures of
    a single run draw the first. Records of several protocols give one file per protocol, except
    robustness, which joins the shares of --contaminate.
    """
    wanted = _figures(name)
    for option, only in _ONLY.items():
        if is_given(click.get_current_context(), option) and name not in (ALL, only):
            raise click.UsageError(f"--{option} is for {only}, not for {name}")
    kinds, inches = _formats(formats), _inches(width)
    _check_folder(folder)
    records = select_records(out, parse_names(methods), protocol, routing=routing)
    if backbone is not None:
        records = with_value(records, [backbone], backbone_of, "--backbone")

    def select(readable: list[Record]) -> dict[str, Selection]:
        return selections(readable, refs, base, common=common, cost=cost)

    groups, records = with_readable(records, select)
    if name == ALL and not any(each.across_shares for each in groups.values()):
        wanted.remove(ACROSS_SHARES)
    shown = {each: list(fitting(each, groups)) for each in wanted}

    from ....results.figures.drawing.style import save, styled

    drew_any = False
    left_out: dict[str, list[str]] = {}
    for group, each in [(g, e) for g in groups for e in wanted if g in shown[e]]:
        several = len(shown[each]) > 1

        def draw_one(
            readable: list[Record],
            name: str = each,
            group: str = group,
            known: tuple[list[Record], dict[str, Selection]] = (records, groups),
        ) -> FinishedFigure:
            # Rows are selected again only if `with_readable` has left records out.
            found = known[1] if readable == known[0] else select(readable)
            if group not in found:
                raise UsageError(f"no record of {group} can be read")
            return draw_figure(name, found[group], inches, category=category, data_root=data_root)

        file = f"{each}-{group}" if several else each
        with styled(), warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                figure, kept = with_readable(records, draw_one)
            except (UsageError, DataError) as error:
                if name != ALL and not several:
                    raise
                left_out.setdefault(str(error), []).append(file)
                continue
            if kept != records:
                records, groups = kept, select(kept)
            paths = [folder / f"{file}.{kind}" for kind in kinds]
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


def _figures(name: str) -> list[str]:
    if name == ALL:
        return list(FIGURES)
    check_name("figure", name)
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
