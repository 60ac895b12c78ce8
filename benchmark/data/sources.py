"""Opening a data set by name: MVTec AD, a folder of one's own, or the built-in synthetic set."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.data.catalog import Counts
from benchmark.data.inspection import warn_of_skipped
from benchmark.data.layout import categories_in
from benchmark.data.manifest import Item, Manifest, build_manifest
from benchmark.data.mvtec import (
    HOW_TO_OBTAIN,
    MVTEC_CATEGORIES,
    find_mvtec,
    mvtec_categories_in,
)
from benchmark.reporting import Reporter
from benchmark.suggest import suggestion
from results.errors import DataError, UsageError

DATASETS = ("auto", "mvtec", "folder", "synthetic")
DATA_VARIABLE = "CADBENCH_DATA"


def open_dataset(
    dataset: str,
    data_root: Path | None,
    categories: Sequence[str] | None,
    *,
    skip_unreadable: bool,
    cache: Path,
    reporter: Reporter,
    required_by: str | None = None,
) -> Manifest:
    """The manifest of a data set; its warnings and skipped files go to the reporter.

    dataset: `mvtec`, `folder`, `synthetic`, or `auto`: MVTec AD where it is found (in `data_root`,
    else in CADBENCH_DATA, else in ./data), otherwise the folder that was named, otherwise the
    synthetic set. data_root: None where none was given; CADBENCH_DATA is then looked up here.
    required_by: what needs all of the categories, for the message where the data lack some.
    """
    chosen = _choose(dataset, data_root, categories, cache, reporter)
    if required_by is not None:
        _require(chosen, required_by)
    manifest = build_manifest(
        chosen.name,
        chosen.root,
        chosen.categories,
        skip_unreadable=skip_unreadable,
        cache=cache,
        reporter=reporter,
    )
    warn_of_skipped(manifest.skipped, reporter)
    for warning in (*manifest.warnings, *_differences(manifest)):
        reporter.warn(warning)
    return manifest


@dataclass(frozen=True)
class _Choice:
    name: str
    root: Path
    categories: Sequence[str] | None


def _choose(
    dataset: str,
    data_root: Path | None,
    categories: Sequence[str] | None,
    cache: Path,
    reporter: Reporter,
) -> _Choice:
    named = data_root or _from_environment()
    if dataset == "mvtec":
        return _mvtec(named, categories, reporter)
    if dataset == "folder":
        if named is None:
            raise UsageError(f"--dataset folder needs --data-root (or {DATA_VARIABLE})")
        return _folder(named, categories, reporter)
    if dataset == "synthetic":
        if data_root is not None:
            raise UsageError("--data-root means nothing to --dataset synthetic; give one of them")
        return _synthetic(categories, "", cache, reporter)
    if dataset != "auto":
        raise UsageError(
            f"unknown data set {dataset!r}{suggestion(dataset, DATASETS)}; there are: "
            f"{', '.join(DATASETS)}"
        )
    root = find_mvtec(_places(named))
    if root is not None:
        return _mvtec(root, categories, reporter)
    if named is not None and (data_root is not None or categories_in(named)):
        return _folder(named, categories, reporter)
    return _synthetic(categories, _why_synthetic(named), cache, reporter)


def _require(chosen: _Choice, required_by: str) -> None:
    found = categories_in(chosen.root)
    missing = sorted(set(chosen.categories or ()) - set(found))
    if found and missing:
        raise DataError(
            f"{required_by} needs {len(missing)} categories that are not in {chosen.root}: "
            f"{', '.join(missing)}; complete the data or choose another protocol"
        )


def _from_environment() -> Path | None:
    value = os.environ.get(DATA_VARIABLE)
    return Path(value).expanduser() if value else None


def _places(named: Path | None) -> list[Path]:
    return [Path("data")] if named is None else [named]


def _mvtec(named: Path | None, categories: Sequence[str] | None, reporter: Reporter) -> _Choice:
    for name in categories or ():
        if name not in MVTEC_CATEGORIES:
            raise UsageError(
                f"unknown category {name!r} of MVTec AD{suggestion(name, MVTEC_CATEGORIES)}; there "
                f"are: {', '.join(MVTEC_CATEGORIES)}"
            )
    root = find_mvtec(_places(named), mixed=True)
    if root is None:
        raise DataError(f"no MVTec AD in {_places(named)[0]}: {HOW_TO_OBTAIN}")
    found = mvtec_categories_in(root)
    reporter.line(f"data set: MVTec AD, {len(found)} of 15 categories, in {root}")
    missing = sorted(MVTEC_CATEGORIES.keys() - found)
    if missing and categories is None:
        reporter.warn(f"this copy of MVTec AD lacks {', '.join(missing)}")
    return _Choice("mvtec", root, found if categories is None else categories)


def _folder(root: Path, categories: Sequence[str] | None, reporter: Reporter) -> _Choice:
    name = _slug(root)
    found = len(categories_in(root))
    reporter.line(f"data set: {name}, {found} categories in the folder {root} (not MVTec AD)")
    return _Choice(name, root, categories)


def _synthetic(
    categories: Sequence[str] | None, why: str, cache: Path, reporter: Reporter
) -> _Choice:
    from benchmark.data import synthetic

    reporter.line(f"data set: synthetic, {len(synthetic.CATEGORIES)} drawn categories{why}")
    return _Choice("synthetic", synthetic.ensure_drawn(cache, reporter), categories)


def _why_synthetic(named: Path | None) -> str:
    if named is None:
        return " (MVTec AD was not found; `cadbench data info` says how to obtain it)"
    return f" ({DATA_VARIABLE}={named} holds no data set)"


def _slug(root: Path) -> str:
    """The folder's base name in [a-z0-9_-]; never the name of a data set that is not the folder."""
    name = re.sub(r"[^a-z0-9_-]+", "-", root.resolve().name.lower()).strip("-_") or "data"
    return f"folder-{name}" if name in DATASETS else name


@dataclass(frozen=True)
class CategoryRow:
    """A category as `cadbench data info` shows it; official: None outside MVTec AD.

    masks: defective test images that have one; sizes: `256x256`, or the smallest and the largest.
    """

    category: str
    counts: Counts
    masks: int
    sizes: str
    official: Counts | None


def describe(manifest: Manifest) -> list[CategoryRow]:
    """One row a category; for MVTec AD with the published counts, absent categories included."""
    names = set(manifest.categories)
    official = MVTEC_CATEGORIES if manifest.name == "mvtec" else {}
    return [
        _row(name, manifest.train(name), manifest.test(name), official.get(name))
        for name in sorted(names | official.keys())
    ]


def _row(
    category: str, train: Sequence[Item], test: Sequence[Item], official: Counts | None
) -> CategoryRow:
    defective = sum(item.label for item in test)
    sizes = sorted(
        {(item.width * item.height, item.width, item.height) for item in (*train, *test)}
    )
    ends = dict.fromkeys(f"{w}x{h}" for _, w, h in (*sizes[:1], *sizes[-1:]))
    return CategoryRow(
        category,
        Counts(len(train), len(test) - defective, defective),
        sum(item.mask is not None for item in test),
        " to ".join(ends),
        official,
    )


def _differences(manifest: Manifest) -> Iterator[str]:
    """One line where categories of MVTec AD do not hold the images that were published."""
    odd = [
        f"{row.category} {'/'.join(map(str, row.counts))} instead of "
        f"{'/'.join(map(str, row.official))}"
        for row in describe(manifest)
        if row.official is not None and row.counts not in (row.official, (0, 0, 0))
    ]
    if odd:
        yield f"not the official MVTec AD (train/good/defective): {', '.join(odd)}"
