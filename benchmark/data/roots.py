"""Where the files of a manifest lie: one folder, or one for each dataset that it joins."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

SEPARATOR = "/"
"""Between the name of a dataset and what is in it, a category or a path."""


@dataclass(frozen=True)
class JoinedRoot:
    """The roots of several datasets; `root / path` takes a path that begins with a name."""

    parts: tuple[tuple[str, Path], ...]

    def __truediv__(self, path: str) -> Path:
        name, _, rest = path.partition(SEPARATOR)
        return dict(self.parts)[name] / rest

    def __str__(self) -> str:
        return ", ".join(f"{name}={root}" for name, root in self.parts)


Root: TypeAlias = Path | JoinedRoot
