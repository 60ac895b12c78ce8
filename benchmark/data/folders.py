"""List folders of a dataset: images by their extension, without hidden names and without loops."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ...results.errors import DataError

EXTENSIONS = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".tif", ".tiff", ".webp", ".gif"}
    | {".pbm", ".pgm", ".ppm", ".pnm", ".jp2", ".j2k"}
)
"""Endings of the files that count as images."""

MAX_FOLDERS = 100_000
"""Folders that `walk` enters at most; links may form a maze with endlessly many paths."""


def is_image(path: str) -> bool:
    """Whether a file name has the extension of an image, in upper or lower case."""
    return extension(path) in EXTENSIONS


def extension(path: str) -> str:
    """The extension of a file name in lower case, such as `.png`; empty without one."""
    return os.path.splitext(path)[1].lower()


def images_in(root: Path, folder: PurePosixPath) -> list[str]:
    """Paths, relative to `root`, of the images directly in `folder`, sorted."""
    names = names_in(root / folder, folders=False)
    return [f"{folder}/{name}" for name in names if is_image(name)]


def names_in(folder: Path, *, folders: bool) -> list[str]:
    """List a folder, without hidden names.

    Args:
        folder: the folder to list.
        folders: True for the names of folders, False for those of everything else.

    Returns:
        The names, sorted; empty if `folder` does not exist.
    """
    try:
        with os.scandir(folder) as listing:
            return sorted(
                entry.name
                for entry in listing
                if not entry.name.startswith(".") and _is_folder(entry) == folders
            )
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise _cannot_list(folder, error) from error


def walk(root: Path, below: str = "") -> Iterator[str]:
    """Paths, relative to `root`, of all files in a folder and its sub-folders.

    Links are followed, except those to a folder that contains them. Hidden names are left out.

    Args:
        root: the folder that the paths are relative to.
        below: the folder to list, relative to `root`; empty for `root` itself.

    Raises:
        DataError: a folder cannot be listed, or there are more than `MAX_FOLDERS`.
    """
    pending: list[tuple[str, frozenset[tuple[int, int]]]] = [(below, frozenset())]
    count = 0
    while pending:
        folder, above = pending.pop()
        place = root / folder
        try:
            status = place.stat()
            identity = (status.st_dev, status.st_ino)
            if identity in above:
                continue
            with os.scandir(place) as listing:
                entries = [(e.name, _is_folder(e)) for e in listing if not e.name.startswith(".")]
        except OSError as error:
            raise _cannot_list(place, error) from error
        count += 1
        if count > MAX_FOLDERS:
            raise DataError(
                f"{root} has more than {MAX_FOLDERS} folders, perhaps by links to each other; give "
                "a smaller folder, or remove the links"
            )
        prefix = f"{folder}/" if folder else ""
        inner = above | {identity}
        for name, is_folder in entries:
            if is_folder:
                pending.append((f"{prefix}{name}", inner))
            else:
                yield f"{prefix}{name}"


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _cannot_list(folder: Path, error: OSError) -> DataError:
    shown = str(folder)
    if len(shown) > 300:
        shown = f"{shown[:150]}...{shown[-100:]}"
    return DataError(f"cannot list {shown}: {error.strerror}; check its permissions and its depth")
