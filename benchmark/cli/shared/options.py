"""Options and their values that several subcommands share."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ....results.errors import UsageError
from ...system.number_ranges import inclusive_range, parse_whole_number

if TYPE_CHECKING:
    from ...data.opening.places import DataRoots

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

DEFAULT_OUT = Path("runs")


def _data_roots(
    context: click.Context, option: click.Parameter, texts: tuple[str, ...]
) -> Path | DataRoots | None:
    """None, the one folder that was given, or all where some have names."""
    if not texts:
        return None
    from ...data.opening.places import DataRoots

    roots = DataRoots.parse(texts)
    return roots if roots.named else roots.other


out_option: Decorator = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=DEFAULT_OUT,
    show_default=True,
    help="Folder of the run records.",
)
dataset_option: Decorator = click.option(
    "--dataset",
    default="auto",
    show_default=True,
    metavar="NAME",
    help="auto, a dataset, or several as mvtec,visa (see `cadbench data info`); auto takes MVTec "
    "AD where it is found.",
)
data_root_option: Decorator = click.option(
    "--data-root",
    multiple=True,
    metavar="[NAME=]FOLDER",
    callback=_data_roots,
    help="Folder of the dataset, or a parent of several (or CADBENCH_DATA); NAME=FOLDER for each "
    "where there are more.",
)
categories_option: Decorator = click.option(
    "--categories", default=None, metavar="A,B,...", help="Only these categories."
)
skip_option: Decorator = click.option(
    "--skip-unreadable", is_flag=True, help="Leave damaged images out, and list them."
)
quiet_option: Decorator = click.option(
    "-q", "--quiet", is_flag=True, help="No progress, warnings only."
)
verbose_option: Decorator = click.option("-v", "--verbose", is_flag=True, help="More detail.")


class FiniteRange(click.FloatRange):
    """Numbers between bounds: `nan` lies in every range of click's, and `inf` in an open one."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is no finite number.", param, ctx)
        return number


def names(text: str | None) -> tuple[str, ...] | None:
    """The words of a comma-separated list; None where the option was not given."""
    if text is None:
        return None
    found = tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    if not found:
        raise UsageError("an empty list was given; write names separated by commas")
    return found


def numbers(text: str, option: str) -> tuple[int, ...]:
    """`0-2,5` as numbers."""
    found: list[int] = []
    for piece in text.split(","):
        left, dash, right = piece.strip().partition("-")
        low, high = parse_whole_number(left), parse_whole_number(right if dash else left)
        if low is None or high is None or low > high:
            raise UsageError(f"{option} {text!r}: write whole numbers such as 0, 0-2 or 0,3,5")
        try:
            found.extend(inclusive_range(low, high))
        except ValueError as error:
            raise UsageError(f"{option}: {error}") from None
    return tuple(dict.fromkeys(found))


def order_texts(text: str) -> tuple[str, ...]:
    """`alphabetical,random:0-3` as one text an order."""
    found: list[str] = []
    for piece in (part.strip() for part in text.split(",")):
        kind, colon, seeds = piece.partition(":")
        if kind == "random" and colon:
            found.extend(f"random:{seed}" for seed in numbers(seeds, "--order random:"))
        elif piece:
            found.append(piece)
    if not found:
        raise UsageError("--order needs alphabetical, random:SEED or a file")
    return tuple(dict.fromkeys(found))


def without_place(path: Path) -> str:
    """A path as given, or its name where it is absolute: what is sent to others tells no place."""
    return path.name if path.is_absolute() else str(path)
