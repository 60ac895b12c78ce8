"""A published dataset: what the catalog says of it is said once, there."""

from __future__ import annotations

from typing import Any

from ..catalog import load_entry
from ..reader import Reader


class Published(Reader):
    """Takes title, source, categories, counts and folders from the entry of the catalog that the
    class names: `class Visa(Published, entry="visa")`."""

    def __init_subclass__(cls, *, entry: str, **options: Any) -> None:
        super().__init_subclass__(**options)
        known = load_entry(entry)
        cls.title = known.title
        cls.source = f"{known.home.removeprefix('https://')} ({known.license.name})"
        if known.access == "download":
            cls.download_command = f"cadbench data download {entry}"
        cls.categories = known.categories
        cls.counts = {name: official.images for name, official in known.counts.items()}
        cls.folders = tuple(dict.fromkeys(folder.lower() for folder in known.folders))
