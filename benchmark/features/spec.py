"""What identifies a set of features: two runs with equal specs may share every cached number."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, field
from typing import Any

from ...results.records.schema import canonical_json
from ..data.images.preprocessing import Preprocessing

EXTRACTION_VERSION = 2
"""Raised whenever the arithmetic of extraction changes, so that old caches are not reused."""


@dataclass(frozen=True)
class FeatureSpec:
    """A backbone, its weights, and how its layers become patch embeddings.

    weights: SHA-256 of the weights file, or `random:SEED`; layers: the strides or stage numbers;
    grid (h, w) and dim are not here: they follow from these.
    """

    backbone: str
    weights: str
    layers: tuple[int, ...]
    embedding: str
    embedding_params: dict[str, int] = field(hash=False)
    preprocessing: Preprocessing
    dtype: str = "float16"
    extraction: int = EXTRACTION_VERSION

    def as_dict(self) -> dict[str, Any]:
        """The part of a record's key that names the features (preprocessing has its own)."""
        return {
            "backbone": self.backbone,
            "weights": self.weights,
            "layers": list(self.layers),
            "embedding": self.embedding,
            "embedding_params": self.embedding_params,
            "dtype": self.dtype,
            "extraction": self.extraction,
        }

    @functools.cached_property
    def digest(self) -> str:
        """The content address of these features."""
        content = {"features": self.as_dict(), "preprocessing": self.preprocessing.as_dict()}
        return hashlib.sha256(canonical_json(content)).hexdigest()
