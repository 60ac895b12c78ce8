"""`score`: score images with the method of a finished record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ...results.did_you_mean import suggestion
from ...results.errors import UsageError
from ...results.python_names import python_names
from ...results.records.record import Record, load_record
from ...results.storage.files import write_bytes
from ..system.reporting import Reporter, Silent

if TYPE_CHECKING:
    import pandas as pd

    from ..running.cell import Cell

SCORES_FILE = "scores.csv"


@python_names()
def score(
    record: Record | str | Path,
    images: str | Path | Sequence[str | Path],
    *,
    category: str | None = None,
    to: str | Path | None = None,
    weights: str | Path | None = None,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    reporter: Reporter | None = None,
) -> pd.DataFrame:
    """Score images with the method of a finished record, as it was after the last experience.

    The record must keep the method's state (`cadbench run --keep-state`). Features are extracted
    as in the run and are cached. The method gets images in batches of 32 like test images. Scores
    of all test images of a category are those of the record to the last bit, if the record is of
    oracle routing, without drift, and computed on the same machine; other sets of images make
    other batches, which change the last bits of features (float16) and of networks' outputs.

    Args:
        record: a record, or its folder.
        images: files and folders; folders are searched for images, also below.
        category: the category of the images, needed under oracle routing and refused otherwise.
        to: a folder for `scores.csv` and overlays: the anomaly map over each image as PNG.
        weights: file with backbone weights, as for `cadbench run`.
        device: `cpu`, `cuda`, or `auto`: CUDA if it is available.
        reporter: receives progress and warnings; None to show nothing.

    Returns:
        One row per image: `file`, `score`, and for methods with experts `expert`, the one that
        scored it, and `categories`, which the expert owns.

    Raises:
        UsageError: the record keeps no state, or features, weights, method version or category do
            not fit.
        DataError: a file cannot be read as an image.
    """
    import pandas as pd

    from ..features.feature_set import FeatureSet
    from ..running.devices import choose_device
    from ..system.cache import cache_root
    from ..system.library_caches import set_numba_cache
    from ..system.torch_import import import_torch
    from .new_images import images_manifest, list_images
    from .overlays import write_overlays
    from .restored_method import restored_cell, score_images, weights_of

    reporter = reporter or Silent()
    record = record if isinstance(record, Record) else load_record(Path(record).expanduser())
    given = [images] if isinstance(images, str | Path) else list(images)
    set_numba_cache()
    import_torch()
    cell = restored_cell(record)
    _check_category(cell, category)
    folder = _checked_folder(to, given)
    found = weights_of(cell, None if weights is None else Path(weights))
    chosen = choose_device(device)
    files = list_images(given)
    manifest = images_manifest(files, category or "images", reporter)
    features = FeatureSet(manifest, cell.features, chosen, cache_root())
    pixels = cell.method_class.uses_images
    features.ensure(manifest.categories, found, reporter, pixels=pixels)
    scored, maps = score_images(record, cell, features, cache_root(), reporter)
    row_of = features.patches(manifest.categories[0], "test").row_of
    rows = [row_of[item.content] for item in manifest.items]
    frame = pd.DataFrame({"file": [str(file) for file in files], "score": scored.scores[rows]})
    experts = scored.routes[rows]
    if (experts >= 0).any():
        frame["expert"] = experts
        frame["categories"] = [_categories(record).get(int(e), "") for e in experts]
    if folder is not None:
        if maps is None:
            reporter.warn(f"{cell.method} makes no anomaly maps: there are no overlays")
        else:
            write_overlays(folder, record, cell, manifest, np.asarray(maps)[rows])
        write_bytes(folder / SCORES_FILE, csv_text(frame).encode("utf-8", "backslashreplace"))
    return frame


def csv_text(frame: pd.DataFrame) -> str:
    """Return scores as CSV, with every digit of float32."""
    text: str = frame.to_csv(index=False, lineterminator="\n")
    return text


def _check_category(cell: Cell, category: str | None) -> None:
    categories = cell.order.categories
    if cell.routing != "oracle":
        if category is not None:
            raise UsageError(
                "--category: the record is of inferred routing, whose methods do not get the "
                "category of an image; leave it out"
            )
        return
    available = f"the record has {', '.join(categories)}"
    if category is None:
        raise UsageError(
            f"the record is of oracle routing, whose methods get the category of an image: give "
            f"--category; {available}"
        )
    if category not in categories:
        raise UsageError(
            f"--category {category!r}{suggestion(category, categories)}: the method has not "
            f"learned it; {available}"
        )


def _checked_folder(to: str | Path | None, images: Sequence[str | Path]) -> Path | None:
    if to is None:
        return None
    folder = Path(to).expanduser()
    for given in map(Path, images):
        if given.is_dir() and folder.resolve().is_relative_to(given.resolve()):
            raise UsageError(
                f"--to {folder} is inside {given}, where overlays would be scored as images next "
                "time; choose another folder"
            )
    return folder


def _categories(record: Record) -> dict[int, str]:
    """Expert -> the categories that it owns after the last experience, joined by commas."""
    memory = record.memory
    last = memory[memory["experience"] == memory["experience"].max()]
    experts = zip(last["expert"], last["categories"], strict=True)
    return {int(expert): str(categories) for expert, categories in experts if expert >= 0}
