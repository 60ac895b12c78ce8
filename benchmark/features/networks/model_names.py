"""Names of timm models: whether one exists, and which ones a user may have meant."""

from __future__ import annotations

import re

from ....results.did_you_mean import suggestion
from ....results.errors import UsageError

_SIZES = ("nano", "tiny", "small", "base", "large", "huge", "giant", "gigantic")
_LETTERS = {"s": "small", "b": "base", "l": "large", "g": "giant"}
_MOST = 4
"""Largest number of names that a message lists."""


def require_model(backbone: str) -> None:
    """Raise `UsageError` for a name that timm does not know, and suggest similar ones."""
    import timm

    if not timm.is_model(backbone):
        raise UsageError(f"timm has no model {backbone!r}{_suggestions(backbone)}")
    name, dot, tag = backbone.partition(".")
    tags = [each.partition(".")[2] for each in timm.list_pretrained(f"{name}.*")]
    if dot and tag not in tags:
        raise UsageError(
            f"timm has no weights {tag!r} of {name}{suggestion(tag, tags)}; it has: "
            f"{', '.join(tags) or 'none'}"
        )


def _suggestions(backbone: str) -> str:
    """` (did you mean A, B?)` with the models that contain the name, the smallest first."""
    import timm

    words = _timm_words(backbone.lower().replace("-", "_"))
    found = [
        name
        for name in timm.list_pretrained()
        if all(word in name for word in words) and not name.startswith("test_")
    ]
    if not found:
        return suggestion(backbone, timm.list_models())
    found.sort(key=lambda name: (not name.startswith("vit_"), _size(name), len(name)))
    more = ", ..." if len(found) > _MOST else ""
    return f" (did you mean {', '.join(found[:_MOST])}{more}?)"


def _timm_words(name: str) -> list[str]:
    """The words to search for; `dinov2_vits14_reg` and `ViT-B/16` are names of other libraries."""
    match = re.fullmatch(r"(?:(dino|dinov2|dinov3)_)?vit_?([sblg])[_/]?(\d+)(?:_(reg))?", name)
    if match is None:
        return [name]
    architecture = f"vit_{_LETTERS[match[2]]}_patch{match[3]}_"
    return [word for word in (architecture, match[1], match[4]) if word]


def _size(name: str) -> int:
    return next((rank for rank, word in enumerate(_SIZES) if f"_{word}" in name), len(_SIZES))
