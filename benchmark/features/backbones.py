"""Defaults of backbones and embeddings; importable without torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...results.did_you_mean import suggestion
from ...results.errors import UsageError

STRIDES = (8, 16)
"""Strides of the layers that every built-in configuration uses; in a residual network, the second
and third."""

EMBEDDING_PARAMS: dict[str, dict[str, int]] = {
    "concat": {"pool": 3},
    "official": {"pool": 3, "layer_dim": 1024, "dim": 1024},
    "tokens": {},
}
"""Parameters of each embedding; they are part of the key."""


@dataclass(frozen=True)
class BackboneDefaults:
    """Embedding and input normalization of a backbone.

    Attributes:
        embedding: name of the default embedding.
        mean, std: per color channel, for pixel values in 0..1.
    """

    embedding: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


IMAGENET_MEAN_STD = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_HALF_MEAN_STD = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
BACKBONE_DEFAULTS = {
    "tf_efficientnet_lite0": BackboneDefaults("concat", *_HALF_MEAN_STD),
    "tf_efficientnet_lite1": BackboneDefaults("concat", *_HALF_MEAN_STD),
    "tf_efficientnet_lite2": BackboneDefaults("concat", *_HALF_MEAN_STD),
    "wide_resnet50_2": BackboneDefaults("official", *IMAGENET_MEAN_STD),
}


def default_embedding(backbone: str, layers: Sequence[object] = STRIDES) -> str:
    """Return the embedding of a backbone if the user does not choose one with `--embedding`.

    Args:
        backbone: name of the timm model.
        layers: its layers; blocks of a transformer are not pooled.
    """
    if any(str(layer).startswith("block:") for layer in layers):
        return "tokens"
    defaults = BACKBONE_DEFAULTS.get(backbone)
    return defaults.embedding if defaults else "concat"


def embedding_params(embedding: str) -> dict[str, int]:
    """Return the parameters of an embedding.

    Raises:
        UsageError: there is no such embedding.
    """
    if embedding not in EMBEDDING_PARAMS:
        raise UsageError(
            f"no embedding {embedding!r}{suggestion(embedding, EMBEDDING_PARAMS)}; "
            f"choose one of: {', '.join(EMBEDDING_PARAMS)}"
        )
    return EMBEDDING_PARAMS[embedding]
