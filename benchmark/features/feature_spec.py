"""The settings that identify a set of features; runs with equal settings share cached features."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, field
from typing import Any

from ...results.records.schema import canonical_json
from ..data.images.preprocessing import Preprocessing

EXTRACTION_VERSION = 2
"""Increased when the arithmetic of extraction changes, so that old caches are not reused."""


@dataclass(frozen=True)
class FeatureSpec:
    """A backbone, its weights, and how its layers become patch embeddings.

    The grid (h, w) and the length of an embedding follow from these.

    Attributes:
        backbone: name of the timm model.
        weights: SHA-256 of the weights file, or `random:SEED`.
        layers: strides of the layers, blocks such as `block:5`, or timm's names of layers.
        embedding: name of the embedding.
        embedding_params: its parameters.
        preprocessing: how images are resized and cropped.
        dtype: type in which patches are stored.
        extraction: version of the extraction's arithmetic.
    """

    backbone: str
    weights: str
    layers: tuple[int | str, ...]
    embedding: str
    embedding_params: dict[str, int] = field(hash=False)
    preprocessing: Preprocessing
    dtype: str = "float16"
    extraction: int = EXTRACTION_VERSION

    def as_dict(self) -> dict[str, Any]:
        """The features' part of a record's key; preprocessing is a part of its own."""
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
        """Content address of these features."""
        content = {"features": self.as_dict(), "preprocessing": self.preprocessing.as_dict()}
        return hashlib.sha256(canonical_json(content)).hexdigest()
