"""Options that several subcommands share, and parsers of their values."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ....results.errors import UsageError

if TYPE_CHECKING:
    from ...data.opening.locations import DataRoots

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

DEFAULT_OUT = Path("runs")


def _data_roots(
    context: click.Context, option: click.Parameter, texts: tuple[str, ...]
) -> Path | DataRoots | None:
    """The value of `--data-root`: None, one folder, or `DataRoots` if any has a dataset's name."""
    if not texts:
        return None
    from ...data.opening.locations import DataRoots

    roots = DataRoots.parse(texts)
    return roots if roots.named else roots.default


out_option: Decorator = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=DEFAULT_OUT,
    show_default=True,
    help="Folder that holds the run records.",
)
device_option: Decorator = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Device to compute on; auto uses CUDA if it is available.",
)
record_weights_option: Decorator = click.option(
    "--weights",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE",
    help="File with backbone weights, if the record was computed with one.",
)
dataset_option: Decorator = click.option(
    "--dataset",
    default="auto",
    show_default=True,
    metavar="NAME",
    help="A dataset, several such as mvtec,visa (see `cadbench data info`), or auto: MVTec AD if "
    "it is found, else the dataset at --data-root, else the synthetic images.",
)
data_root_option: Decorator = click.option(
    "--data-root",
    multiple=True,
    metavar="[NAME=]FOLDER",
    callback=_data_roots,
    help="Folder of the dataset or its parent [default: CADBENCH_DATA]; repeat as NAME=FOLDER for "
    "datasets in different places.",
)
categories_option: Decorator = click.option(
    "--categories", default=None, metavar="A,B,...", help="Use only these categories."
)
skip_option: Decorator = click.option(
    "--skip-unreadable", is_flag=True, help="Skip unreadable images and list them."
)
quiet_option: Decorator = click.option(
    "-q", "--quiet", is_flag=True, help="Print warnings only, no progress."
)
verbose_option: Decorator = click.option("-v", "--verbose", is_flag=True, help="Print more detail.")


def list_format_option(*more: str, note: str = "") -> Decorator:
    """The option `--format` of commands that list something."""
    return click.option(
        "--format",
        "output",
        type=click.Choice(["auto", "markdown", "csv", *more]),
        default="auto",
        show_default=True,
        help="Output format; auto prints aligned columns on a terminal and Markdown elsewhere"
        f"{note}.",
    )


def is_given(context: click.Context, option: click.Parameter | str) -> bool:
    """Whether the user gave an option (or its Python name) on the command line."""
    name = option if isinstance(option, str) else option.name or ""
    return context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


class FiniteRange(click.FloatRange):
    """A float range that refuses `nan` and `inf`, which `click.FloatRange` may accept."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


def parse_names(text: str | None) -> tuple[str, ...] | None:
    """The distinct words of a comma-separated list; None if the option was not given.

    Raises:
        UsageError: the list is empty.
    """
    from ...study.parsing import parse_names

    try:
        return None if text is None else parse_names(text)
    except ValueError as error:
        raise UsageError(str(error)) from None


def repeatable_command(words: Sequence[object], options: Mapping[str, Any]) -> str:
    """The command that a reader of a file can repeat, without folders of this machine.

    Args:
        words: the first words of the command.
        options: option -> value; those without a value are left out, and so is the usual `--out`.
    """
    given = {n: v for n, v in options.items() if v and (n, v) != ("--out", DEFAULT_OUT)}
    parts = [*words, *(each for pair in given.items() for each in pair)]
    return shlex.join(
        each.name if isinstance(each, Path) and each.is_absolute() else str(each) for each in parts
    )
