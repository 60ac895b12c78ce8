"""Real-IAD (Wang et al., CVPR 2024), split by its JSON lists. Every view is one image.

    <root>/realiad_jsons/<category>.json            {"meta": {"prefix", "normal_class"},
                                                     "train": [sample], "test": [sample]}
    <root>/realiad_1024/<category>/...              or realiad_512, realiad_256, realiad_raw

A sample is {"category", "anomaly_class", "image_path", "mask_path"}; its paths are relative to the
prefix in meta. As in the authors' loader, a test image without a mask is good whatever its class:
the object's defect is not visible in that view. If several resolutions are present, the first in
the order above is used; the authors' configurations use 1024 pixels.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from ....results.errors import DataError
from ..entries import GOOD, Entry, defective_entry
from ..folders import names_in
from .published import Published

_IMAGES = ("realiad_1024", "realiad_512", "realiad_256", "realiad_raw")
_LISTS = (PurePosixPath("realiad_jsons"), PurePosixPath("realiad_jsons", "realiad_jsons"))


class RealIad(Published, entry="real_iad"):
    """Thirty objects, each seen from five sides."""

    layout = "realiad_jsons/<category>.json and realiad_1024/<category>/*"

    def categories_in(self, root: Path) -> list[str]:
        images = _image_folder(root)
        return [] if images is None else names_in(root / images, folders=True)

    def entries(self, root: Path, categories: Sequence[str]) -> list[Entry]:
        images = _image_folder(root)
        return [
            entry
            for category in categories
            for entry in _entries_of(root, PurePosixPath(str(images)), category)
        ]


def _image_folder(root: Path) -> str | None:
    return next((name for name in _IMAGES if (root / name).is_dir()), None)


def _entries_of(root: Path, images: PurePosixPath, category: str) -> Iterator[Entry]:
    file = next((f for f in (root / at / f"{category}.json" for at in _LISTS) if f.is_file()), None)
    if file is None:
        raise DataError(
            f"category {category} has no list: {root / _LISTS[0] / category}.json is missing; "
            "unpack realiad_jsons.zip there"
        )
    content = _load(file)
    meta = _part(content, "meta", dict, f"{file}")
    below = images / _text(meta, "prefix", f"{file}: meta")
    normal = _text(meta, "normal_class", f"{file}: meta")
    for split in ("train", "test"):
        for number, sample in enumerate(_part(content, split, list, f"{file}"), start=1):
            yield _entry(sample, split, below, normal, category, f"{file}: {split} {number}")


def _entry(
    sample: Any, split: str, below: PurePosixPath, normal: str, category: str, where: str
) -> Entry:
    if not isinstance(sample, dict):
        raise DataError(f"{where} must be an object with an image_path; unpack the list again")
    if _text(sample, "category", where) != category:
        raise DataError(f"{where} has category {sample['category']!r} instead of {category!r}")
    image = str(below / _text(sample, "image_path", where))
    kind = _text(sample, "anomaly_class", where)
    mask = sample.get("mask_path")
    if mask is not None and not isinstance(mask, str):
        raise DataError(f"{where}: mask_path must be a string or null, not {mask!r}")
    if split == "train":
        if kind != normal:
            raise DataError(f"{where}: a training image must have class {normal!r}, not {kind!r}")
        return Entry(category, "train", GOOD, image)
    if kind == normal or not mask:
        return Entry(category, "test", GOOD, image)
    return defective_entry(category, kind, image, (str(below / mask),))


def _load(file: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(file.read_text("utf-8-sig"))
    except OSError as error:
        raise DataError(f"cannot read {file}: {error.strerror}; check its permissions") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file} is not JSON: {error}; unpack it again") from error
    if not isinstance(content, dict):
        raise DataError(f"{file} is not a list of Real-IAD: it must have meta, train and test")
    return content


def _part(content: Mapping[str, Any], key: str, kind: type, where: str) -> Any:
    if not isinstance(content.get(key), kind):
        raise DataError(
            f"{where} has no {key} of the right type; a list of Real-IAD has meta, train and test"
        )
    return content[key]


def _text(content: Mapping[str, Any], key: str, where: str) -> str:
    value = content.get(key)
    if not isinstance(value, str):
        raise DataError(f"{where} has no {key}, or it is not a string")
    return value
