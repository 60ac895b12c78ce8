"""Opening datasets by name: one, several as one, or what `auto` finds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ....results.did_you_mean import suggestion
from ....results.errors import UsageError
from ...system.cache import cache_root
from ...system.reporting import Reporter, Silent
from ..images.inspection import warn_of_skipped
from ..manifest import Item, Manifest, build_manifest
from ..reader import Counts
from .choosing import choose, own_folder, own_names, require
from .joining import categories_by_dataset, join, joined_name, parts_of, qualified
from .places import DataRoots
from .registry import AUTO, is_known, load_reader, unknown


def open_dataset(
    dataset: str,
    data_root: Path | DataRoots | None = None,
    categories: Sequence[str] | None = None,
    *,
    skip_unreadable: bool = False,
    cache: Path | None = None,
    reporter: Reporter | None = None,
    required_by: str | None = None,
    whole: bool = True,
) -> Manifest:
    """Read the manifest of one dataset, or of several as one.

    Args:
        dataset: a name, several names with commas between them, or `auto`: MVTec AD if it is found
            (in `data_root`, else in CADBENCH_DATA, else in ./data); otherwise the dataset that the
            folder is recognized as, otherwise the folder itself, otherwise the synthetic set.
        data_root: folder of the dataset or a parent of several; None for CADBENCH_DATA.
        categories: only these; None for all. Categories of several datasets are qualified
            (`mvtec/bottle`).
        skip_unreadable: leave damaged images out and warn, instead of raising `DataError`.
        cache: folder for manifests; None for `CADBENCH_CACHE` or the user's cache folder.
        reporter: receives progress and warnings; None to show nothing.
        required_by: what needs every category, for the error message if the data lack some.
        whole: False to leave out datasets none of whose categories are chosen.

    Raises:
        UsageError: the dataset is unknown, or the options contradict each other.
        DataError: the images cannot be read.
    """
    cache = cache or cache_root()
    reporter = reporter or Silent()
    roots = data_root if isinstance(data_root, DataRoots) else DataRoots(other=data_root)
    names = asked_for(dataset, roots)
    if len(names) == 1:
        chosen = [choose(names[0], roots, categories, cache, reporter, alone=True)]
    else:
        of = None if categories is None else categories_by_dataset(categories, names)
        chosen = []
        for name in names:
            wanted = None if of is None else of[name]
            if wanted or wanted is None:
                chosen.append(choose(name, roots, wanted, cache, reporter, alone=False))
            elif whole:
                raise UsageError(f"no category of {name} is asked for; leave it out of --dataset")
    manifests = []
    for choice in chosen:
        if required_by is not None:
            require(choice, required_by)
        manifests.append(
            build_manifest(
                choice.name,
                choice.root,
                choice.categories,
                reader=choice.reader,
                skip_unreadable=skip_unreadable,
                cache=cache,
                reporter=reporter,
            )
        )
    manifest = manifests[0] if len(names) == 1 else _joined(manifests, names)
    warn_of_skipped(manifest.skipped, reporter)
    for warning in (*manifest.warnings, *_differences(manifest)):
        reporter.warn(warning)
    return manifest


def asked_for(dataset: str, roots: DataRoots) -> tuple[str, ...]:
    """The names that `--dataset` and `--data-root` come to, each once and sorted.

    `UsageError` for a name that is not known, unless it has a folder: its own root, or one of that
    name below the root for all.
    """
    texts = [text.strip() for text in dataset.split(",") if text.strip()]
    if texts == [AUTO]:
        texts = list(roots.names) or texts
    elif AUTO in texts or not texts:
        raise UsageError(f"--dataset {dataset!r}: write {AUTO}, or names with commas between them")
    for text in texts:
        if text != AUTO and not is_known(text) and own_folder(text, roots) is None:
            raise unknown(text, own_names(roots))
    for name in roots.names:
        if name not in texts:
            raise UsageError(
                f"--data-root {name}=: --dataset {dataset} does not name it"
                f"{suggestion(name, texts)}"
            )
    return tuple(sorted(set(texts)))


def recorded_as(dataset: str) -> str:
    """What to give `open_dataset` for the dataset of a record."""
    parts = parts_of(dataset)
    if len(parts) == 1 and not is_known(dataset):
        return "folder"
    return ",".join(parts)


def _joined(manifests: Sequence[Manifest], asked: Sequence[str]) -> Manifest:
    called = [manifest.name for manifest in manifests]
    for name in called:
        if called.count(name) > 1:
            raise UsageError(
                f"two of {', '.join(asked)} are called {name}; give one another name by "
                "--data-root NAME=FOLDER"
            )
    return join(manifests, joined_name(called))


@dataclass(frozen=True)
class CategoryRow:
    """A category as `cadbench data info` shows it; official: None where no counts are known.

    masks: defective test images that have one; sizes: `256x256`, or the smallest and the largest.
    """

    category: str
    counts: Counts
    masks: int
    sizes: str
    official: Counts | None


def describe(manifest: Manifest) -> list[CategoryRow]:
    """One row a category; with published counts where they are known, absent ones included."""
    names = set(manifest.categories)
    official = published_counts(manifest.name)
    return [
        _row(name, manifest.train(name), manifest.test(name), official.get(name))
        for name in sorted(names | official.keys())
    ]


def published_counts(name: str) -> dict[str, Counts]:
    """The published counts of a dataset, or of several, by category as they call it."""
    known = {part: _counts(part) for part in parts_of(name)}
    if len(known) == 1:
        return dict(known[name])
    return {qualified(part, c): counts for part, of in known.items() for c, counts in of.items()}


def _counts(name: str) -> Mapping[str, Counts]:
    return load_reader(name).counts if is_known(name) else {}


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
    """One line where published categories do not hold the images that were published."""
    odd = [
        f"{row.category} {'/'.join(map(str, row.counts))} instead of "
        f"{'/'.join(map(str, row.official))}"
        for row in describe(manifest)
        if row.official is not None and row.counts not in (row.official, (0, 0, 0))
    ]
    if odd:
        titles = [load_reader(part).title for part in parts_of(manifest.name) if _counts(part)]
        yield f"not the official {' and '.join(titles)} (train/good/defective): {', '.join(odd)}"
