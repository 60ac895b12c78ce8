"""Open datasets by name: one, several joined, or the first one that `auto` finds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ....results.did_you_mean import suggestion
from ....results.errors import UsageError
from ....results.python_names import python_names
from ...system.cache import cache_root
from ...system.reporting import Reporter, Silent
from ..manifest import Manifest, build_manifest
from .category_counts import count_warnings
from .joining import categories_by_dataset, join, joined_name, split_joined_name
from .locations import DataRoots
from .registry import AUTO, has_reader, unknown_dataset_error
from .resolve import (
    ResolvedDataset,
    require_categories,
    resolve_dataset,
    user_folder,
    user_folder_names,
)


@python_names()
def open_dataset(
    dataset: str,
    data_root: str | Path | DataRoots | None = None,
    categories: Sequence[str] | None = None,
    *,
    skip_unreadable: bool = False,
    cache: Path | None = None,
    reporter: Reporter | None = None,
    required_by: str | None = None,
    require_every_dataset: bool = True,
) -> Manifest:
    """Find one or several datasets and read their images into a manifest.

    `auto` means the first of these: the given folder if it has a description file, MVTec AD (in
    `data_root`, else in CADBENCH_DATA, else in ./data), the dataset that the given folder is
    recognized as, that folder itself, the synthetic dataset.

    Args:
        dataset: a name, several names separated by commas, or `auto`.
        data_root: folder of the dataset, or the parent of several; None for CADBENCH_DATA.
        categories: the categories to use, None for all. With several datasets they are qualified:
            `mvtec/bottle`.
        skip_unreadable: leave out unreadable files instead of raising an error.
        cache: folder for image sizes and hashes and for the synthetic dataset; None for
            CADBENCH_CACHE or the user's cache folder.
        reporter: receives progress, warnings and the skipped files; None to show nothing.
        required_by: what needs all of `categories`, for the error message if some are missing.
        require_every_dataset: raise an error if `categories` has none of a dataset in `dataset`;
            False to leave that dataset out.

    Raises:
        UsageError: a name or an option is wrong.
        DataError: the data are missing, incomplete or damaged.
    """
    cache = cache or cache_root()
    reporter = reporter or Silent()
    if isinstance(data_root, str):
        data_root = Path(data_root)
    roots = data_root if isinstance(data_root, DataRoots) else DataRoots(default=data_root)
    names = parse_dataset_names(dataset, roots)
    resolved = _resolve_all(names, roots, categories, cache, reporter, require_every_dataset)
    manifests = []
    for each in resolved:
        if required_by is not None:
            require_categories(each, required_by)
        manifests.append(
            build_manifest(
                each.name,
                each.root,
                each.categories,
                reader=each.reader,
                skip_unreadable=skip_unreadable,
                cache=cache,
                reporter=reporter,
            )
        )
    manifest = manifests[0] if len(names) == 1 else _joined(manifests, names)
    for skipped in manifest.skipped:
        reporter.detail(f"left out {skipped.path}: {skipped.reason}")
    for warning in (*manifest.warnings, *count_warnings(manifest)):
        reporter.warn(warning)
    return manifest


def parse_dataset_names(dataset: str, roots: DataRoots) -> tuple[str, ...]:
    """The dataset names in `--dataset`, sorted and without repetition.

    `auto` with `--data-root NAME=FOLDER` means the datasets that have such a root.

    Raises:
        UsageError: a name is unknown (it has no reader, no root of its own and no folder below the
            default root), or `roots` has a name that `dataset` lacks.
    """
    texts = [text.strip() for text in dataset.split(",") if text.strip()]
    if texts == [AUTO]:
        texts = list(roots.names) or texts
    elif AUTO in texts or not texts:
        raise UsageError(f"--dataset {dataset!r}: write {AUTO}, or names separated by commas")
    for text in texts:
        if text != AUTO and not has_reader(text) and user_folder(text, roots) is None:
            raise unknown_dataset_error(text, user_folder_names(roots))
    for name in roots.names:
        if name not in texts:
            raise UsageError(
                f"--data-root {name}=: --dataset {dataset} does not name it"
                f"{suggestion(name, texts)}"
            )
    return tuple(sorted(set(texts)))


def dataset_option_of_record(dataset: str) -> str:
    """The `dataset` argument of `open_dataset` that opens the dataset of a record again."""
    names = split_joined_name(dataset)
    if len(names) == 1 and not has_reader(dataset):
        return "folder"
    return ",".join(names)


def _resolve_all(
    names: Sequence[str],
    roots: DataRoots,
    categories: Sequence[str] | None,
    cache: Path,
    reporter: Reporter,
    require_every_dataset: bool,
) -> list[ResolvedDataset]:
    if len(names) == 1:
        return [resolve_dataset(names[0], roots, categories, cache, reporter, only_dataset=True)]
    by_dataset = None if categories is None else categories_by_dataset(categories, names)
    resolved = []
    for name in names:
        own = None if by_dataset is None else by_dataset[name]
        if own is None or own:
            resolved.append(resolve_dataset(name, roots, own, cache, reporter, only_dataset=False))
        elif require_every_dataset:
            raise UsageError(f"--categories has no category of {name}; leave it out of --dataset")
    return resolved


def _joined(manifests: Sequence[Manifest], requested: Sequence[str]) -> Manifest:
    names = [manifest.name for manifest in manifests]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(
                f"two of {', '.join(requested)} have the name {name}; give one of them another "
                "name with --data-root NAME=FOLDER"
            )
    return join(manifests, joined_name(names))
