"""A paper that can be run again: its configuration and its claims, as data.

One TOML file a paper in results/published/papers. Its numbers are the published rows that have
the same source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from ..errors import CadbenchError
from ..published.rows import PublishedRow, load_published
from ..validation import convert, parse_toml


@dataclass(frozen=True)
class Claim:
    """A sentence of a paper that a run can bear out or not.

    experts: the numbers of experts that it is about, empty where the paper does not say.
    Then one of: bounds (`above`, `below`) on the AUROC of each of `categories`, or on the mean
    over all where there are none; the `lowest` or `highest` category; the `best` number of experts.
    """

    text: str
    experts: tuple[int, ...] = ()
    categories: tuple[str, ...] = ()
    above: float | None = None
    below: float | None = None
    lowest: str = ""
    highest: str = ""
    best: int | None = None


@dataclass(frozen=True)
class Paper:
    """The configuration of a paper; parameters and their sweep are written as for `--set`."""

    name: str
    source: str
    title: str
    method: str
    dataset: str
    categories: int
    schedule: str
    order: str
    routing: str
    image_size: int
    backbone: str
    embedding: str
    params: Mapping[str, str]
    sweep: Mapping[str, str]
    claims: tuple[Claim, ...] = ()
    of_features: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()

    def rows(self) -> list[PublishedRow]:
        """What it printed."""
        return [row for row in load_published() if row.source == self.source]


def paper_names() -> tuple[str, ...]:
    """The papers that can be run, sorted."""
    found = (entry.name for entry in _folder().iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml")))


def load_paper(name: str) -> Paper:
    """The paper of that name, one of `paper_names`."""
    return parse_paper((_folder() / f"{name}.toml").read_text("utf-8"), name)


def parse_paper(text: str, name: str) -> Paper:
    """Return the paper that a file describes.

    Args:
        text: the content of the file.
        name: the name of the paper; its file is `NAME.toml`.

    Raises:
        CadbenchError: an unknown or missing key, or a value that does not fit.
    """
    where = f"{name}.toml"
    content = parse_toml(text, where, CadbenchError)
    paper = convert(content, Paper, where, CadbenchError, name=name)
    for index, claim in enumerate(paper.claims):
        _check_claim(claim, f"{where}: claims[{index}]")
    return paper


def _check_claim(claim: Claim, where: str) -> None:
    bounds = claim.above is not None or claim.below is not None
    forms = [bounds, bool(claim.lowest), bool(claim.highest), claim.best is not None]
    if sum(forms) != 1:
        raise CadbenchError(
            f"{where}: expected above and below, or one of lowest, highest and best"
        )


def _folder() -> Any:
    return resources.files(__package__)
