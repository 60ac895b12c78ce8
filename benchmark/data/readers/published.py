"""Base of the readers of published datasets: takes their facts from the catalog."""

from __future__ import annotations

from typing import Any

from ..catalog import load_entry
from ..reader import Reader


class Published(Reader):
    """Takes title, source, categories, counts and folders from an entry of the catalog.

    The subclass names the entry: `class Visa(Published, entry="visa")`.
    """

    def __init_subclass__(cls, *, entry: str, **options: Any) -> None:
        super().__init_subclass__(**options)
        dataset = load_entry(entry)
        cls.title = dataset.title
        cls.source = f"{dataset.home.removeprefix('https://')} ({dataset.license.name})"
        if dataset.access == "download":
            cls.download_command = f"cadbench data download {entry}"
        cls.categories = dataset.categories
        cls.counts = {name: official.images for name, official in dataset.counts.items()}
        cls.folders = tuple(dict.fromkeys(folder.lower() for folder in dataset.folders))
