"""The built-in synthetic dataset, whose files are generated when they are first read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ....results.storage.files import storage_error
from ...system.cache.last_use import announce_process, mark_used
from .. import synthetic
from ..entries import GOOD, Entry, defective_entry
from ..reader import AutoRule, Reader

if TYPE_CHECKING:
    from ..images.image_facts import ImageFacts
    from ..roots import Root

FOLDER = f"synthetic-v{synthetic.VERSION}"
"""Name of the dataset's folder in the cache."""


class Synthetic(Reader):
    """A dataset that needs no folder of the user."""

    title = "the synthetic set"
    layout = "the layout of MVTec AD"
    categories = synthetic.CATEGORIES

    def provide(self, cache: Path) -> Path:
        folder = cache / FOLDER
        announce_process(cache)
        mark_used(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise storage_error(error, folder) from error
        return folder

    def lazy_root(self, root: Path) -> Root:
        from ..synthetic.files import GeneratedRoot

        return GeneratedRoot(root)

    def known_facts(self, entries: Sequence[Entry]) -> Mapping[str, ImageFacts]:
        from ..images.image_facts import ImageFacts
        from ..synthetic.canvas import SIZE
        from ..synthetic.files import checksums

        facts = {e.path: ImageFacts(SIZE, SIZE, checksums()[e.path]) for e in entries}
        return facts | {
            # The share of defective pixels only matters where it is 0.
            path: ImageFacts(SIZE, SIZE, checksums()[path], is_mask=True, coverage=1.0)
            for entry in entries
            for path in entry.mask_paths
        }

    def categories_in(self, root: Path) -> list[str]:
        return list(self.categories) if root.name == FOLDER and root.is_dir() else []

    def entries(self, root: Path, categories: Sequence[str]) -> list[Entry]:
        from ..synthetic.files import image_path, mask_path
        from ..synthetic.render import image_specs

        entries = [
            defective_entry(spec.category, spec.kind, image_path(spec), (mask_path(spec),))
            if spec.kind != GOOD
            else Entry(spec.category, spec.split, GOOD, image_path(spec))
            for spec in image_specs()
            if spec.category in categories
        ]
        return sorted(entries, key=lambda each: (each.category, each.split == "test", each.path))

    def auto_rule(self, place: Path | None) -> AutoRule:
        return "generated"

    def announcement(self, name: str, root: Path, found: Sequence[str]) -> str:
        return f"dataset: {name}, {len(found)} generated categories"
