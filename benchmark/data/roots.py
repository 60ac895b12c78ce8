"""The folder of a manifest's files: a `Path`, one per joined dataset, or one that is generated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

SEPARATOR = "/"
"""Between the name of a dataset and one of its categories or paths."""


class Root(Protocol):
    """A folder of files: `root / path` is the file at a path."""

    def __truediv__(self, path: str, /) -> Path: ...


@dataclass(frozen=True)
class JoinedRoot:
    """The roots of joined datasets as (dataset, folder).

    Use it as a folder: `root / "mvtec/bottle/..."` is the file below the folder of `mvtec`.
    """

    parts: tuple[tuple[str, Root], ...]

    def __truediv__(self, path: str, /) -> Path:
        name, _, rest = path.partition(SEPARATOR)
        return dict(self.parts)[name] / rest

    def __str__(self) -> str:
        return ", ".join(f"{name}={root}" for name, root in self.parts)
