"""Files of a dataset that its reader does not list, counted by folder and reason."""

from __future__ import annotations

import collections
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..folders import extension, is_image, names_in, walk

_NOT_IMAGES = frozenset(
    {".txt", ".md", ".rst", ".json", ".jsonl", ".xml", ".csv", ".tsv", ".yaml", ".yml", ".toml"}
    | {".ini", ".cfg", ".log", ".html", ".htm", ".db", ".lnk", ".url", ".py", ".ipynb", ".sh"}
    | {".sha256", ".md5", ".doc", ".docx", ".xls", ".xlsx", ".rtf", ".lst", ".tmp", ".part"}
)
"""Extensions of notes, lists and labels, which may lie among images."""
_OTHER_IMAGES = frozenset(
    {".heic", ".heif", ".avif", ".jxl", ".raw", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".tga"}
    | {".exr", ".hdr", ".npy", ".npz", ".mat", ".h5", ".hdf5", ".dcm", ".svg", ".psd", ".pdf"}
    | {".pfm", ".ico", ".fits", ".nii", ".zip", ".gz", ".tar", ".mp4", ".avi"}
)
"""Extensions of images, and of files that may contain images, that are not read."""
_MOST_LOOKED_AT = 2000
"""Files of a folder in which images are looked for."""


@dataclass(frozen=True)
class LeftOut:
    """Files of one folder that are left out.

    Attributes:
        category: the category that they seem to belong to; empty if none.
        folder: their folder, relative to the root.
        reason: why they are left out, as the end of a sentence that begins with the files.
        count: how many they are; 0 if they were not counted.
    """

    category: str
    folder: str
    reason: str
    count: int = 0


def left_out_of_category(
    root: Path,
    category: str,
    listed: Collection[str],
    good: str,
    unused: Collection[str] = (),
) -> list[LeftOut]:
    """What a category's folder in the MVTec AD layout contains besides the listed files.

    Args:
        root: the dataset's folder.
        category: the category, which is the name of its folder.
        listed: paths of images and masks that the reader lists.
        good: name of the folders of good images.
        unused: folders of the category that are not used by definition.
    """
    found: collections.Counter[tuple[str, str]] = collections.Counter()
    for path in walk(root, category):
        if path in listed:
            continue
        parts = PurePosixPath(path).parts[1:]
        if parts[0] in unused or (parts[0] == "ground_truth" and good in parts[1:2]):
            continue
        reason = _reason(path, parts, good)
        if reason:
            found[str(PurePosixPath(path).parent), reason] += 1
    return [
        LeftOut(category, folder, reason, count)
        for (folder, reason), count in sorted(found.items())
    ]


def folders_without_splits(root: Path, categories: Collection[str]) -> list[LeftOut]:
    """Folders of the root that contain images but are no category: neither `train` nor `test`."""
    found = []
    for name in names_in(root, folders=True):
        if name in categories:
            continue
        files = (path for path, _ in zip(walk(root, name), range(_MOST_LOOKED_AT), strict=False))
        if any(map(is_image, files)):
            reason = "are not read: the folder has neither train nor test, so it is no category"
            found.append(LeftOut("", name, reason))
    return found


def _reason(path: str, parts: tuple[str, ...], good: str) -> str:
    """Why a file of a category is left out; empty if that is no surprise."""
    ending = extension(path)
    in_place = len(parts) == 3 and (
        parts[0] == "test" or parts[:2] == ("train", good) or parts[0] == "ground_truth"
    )
    if in_place and not is_image(path):
        if ending in _NOT_IMAGES or (parts[0] == "ground_truth" and ending not in _OTHER_IMAGES):
            return ""
        if not ending:
            return "are not read: they have no extension of an image"
        return f"are not read: {ending} is not the extension of an image"
    if not (is_image(path) or ending in _OTHER_IMAGES):
        return ""
    if parts[0] == "train" and len(parts) > 2 and parts[1] != good:
        return f"are not read: only train/{good} is used for training"
    if parts[0] in ("train", "test", "ground_truth"):
        if len(parts) > 3:
            return "are not read: they are in a sub-folder"
        return f"are not read: they are not in a folder of {parts[0]}"
    return "are not read: only train, test and ground_truth are used"
