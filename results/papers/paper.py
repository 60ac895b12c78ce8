"""A paper that can be reproduced: its configuration and claims, one TOML file per paper.

Its numbers are the published rows with the same source.
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
    """A statement of a paper that runs can confirm or contradict.

    It gives bounds, or exactly one of the attributes from `lowest` on.

    Attributes:
        text: the statement in words.
        experts: the numbers of experts that it is about; empty if the paper does not say.
        categories: the categories that the bounds are about; empty for the mean over all.
        above: lower bound of the AUROC.
        below: upper bound of the AUROC.
        lowest: the category with the lowest AUROC.
        highest: the category with the highest AUROC.
        best: the number of experts with the highest mean AUROC.
        knee: the number of experts that gives at least 0.9 of the largest gain over one expert.
        flat: the first and last number of experts between which the mean AUROC differs by 0.01 at
            most.
        sizes: the number of categories of each expert, ascending.
        alone: categories that have an expert of their own.
        group: the categories of one expert.
        utilization: percent of its budget that each expert uses, ascending.
        larger_forget_more: experts with the most categories forget more than all smaller ones, by
            the mean of R[T, c] - R[s(c), c].
    """

    text: str
    experts: tuple[int, ...] = ()
    categories: tuple[str, ...] = ()
    above: float | None = None
    below: float | None = None
    lowest: str = ""
    highest: str = ""
    best: int | None = None
    knee: int | None = None
    flat: tuple[int, int] | None = None
    sizes: tuple[int, ...] = ()
    alone: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    utilization: tuple[float, ...] = ()
    larger_forget_more: bool = False


@dataclass(frozen=True)
class Paper:
    """The configuration of a paper.

    Attributes:
        categories: number of categories.
        params: parameter -> value, as for `--set`.
        sweep: parameter -> values of the sweep, as for `--set`.
        of_features: parameters that hold for the paper's features only.
        assumed: what the paper does not say and the configuration assumes.
    """

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
        """Return the published rows of the paper."""
        return [row for row in load_published() if row.source == self.source]


def paper_names() -> tuple[str, ...]:
    """Return the names of the papers, sorted."""
    found = (entry.name for entry in _folder().iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml")))


def load_paper(name: str) -> Paper:
    """Return the paper with this name, one of `paper_names`."""
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
    texts = (claim.lowest, claim.highest)
    lists = (claim.sizes, claim.alone, claim.group, claim.utilization, claim.flat or ())
    numbers = (claim.best, claim.knee)
    given = [*map(bool, (*texts, *lists)), *(n is not None for n in numbers)]
    if sum([bounds, claim.larger_forget_more, *given]) != 1:
        raise CadbenchError(
            f"{where}: expected above and below, or one of lowest, highest, best, knee, flat, "
            "sizes, alone, group, utilization and larger_forget_more"
        )
    if not claim.experts and not bounds and not (claim.lowest or claim.highest):
        raise CadbenchError(f"{where}: expected experts, the numbers of experts it is about")


def _folder() -> Any:
    return resources.files(__package__)
