"""A method that also asks for images, so that a run writes every kind of cache file."""

from __future__ import annotations

from typing import Any

from cadbench.methods.banks.finetune import FineTune


class Looking(FineTune):
    """`finetune` that looks at its training images as well."""

    uses_images = True

    def observe(self, experience: Any) -> None:
        for category in experience.categories:
            experience.images(category)
        super().observe(experience)
