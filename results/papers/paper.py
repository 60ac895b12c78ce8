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
from ..published.toml_file import Schema, check_keys, parse_toml


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
    """The paper that a file describes; `name` is its own, and for messages."""
    where = f"{name}.toml"
    content = parse_toml(text, where)
    check_keys(content, _PAPER, where)
    for table in ("params", "sweep"):
        check_keys(content[table], dict.fromkeys(content[table], (str, True)), f"{where}, {table}")
    listed = content.pop("claim", [])
    claims = tuple(_claim(raw, f"{where}, claim {n}") for n, raw in enumerate(listed, 1))
    for key in ("of_features", "assumed"):
        content[key] = tuple(content.get(key, ()))
    return Paper(name=name, claims=claims, **content)


_PAPER: Schema = {
    "source": (str, True),
    "title": (str, True),
    "method": (str, True),
    "dataset": (str, True),
    "categories": (int, True),
    "schedule": (str, True),
    "order": (str, True),
    "routing": (str, True),
    "image_size": (int, True),
    "backbone": (str, True),
    "embedding": (str, True),
    "of_features": (list, False),
    "assumed": (list, False),
    "params": (dict, True),
    "sweep": (dict, True),
    "claim": (list, False),
}
_CLAIM: Schema = {
    "text": (str, True),
    "experts": (list, False),
    "categories": (list, False),
    "above": (float, False),
    "below": (float, False),
    "lowest": (str, False),
    "highest": (str, False),
    "best": (int, False),
}
_BOUNDS = {"above", "below"}


def _claim(raw: Mapping[str, Any], where: str) -> Claim:
    check_keys(raw, _CLAIM, where)
    says = raw.keys() & {*_BOUNDS, "lowest", "highest", "best"}
    if not says or (len(says) > 1 and not says <= _BOUNDS):
        raise CadbenchError(
            f"{where}: it needs above and below, or one of lowest, highest and best"
        )
    lists = {key: tuple(raw.get(key, ())) for key in ("experts", "categories")}
    return Claim(**{**raw, **lists})


def _folder() -> Any:
    return resources.files(__package__)
