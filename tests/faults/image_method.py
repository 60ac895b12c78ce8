"""A method that reads images too, so that a run writes every kind of cache file."""

from __future__ import annotations

from typing import Any

from cadbench.methods.banks.finetune import FineTune


class ImageMethod(FineTune):
    """`finetune` that reads its training images too."""

    uses_images = True

    def observe(self, experience: Any) -> None:
        for category in experience.categories:
            experience.images(category)
        super().observe(experience)
