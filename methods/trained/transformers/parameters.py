"""The parameters of `uniad`, `moead` and `iuf`, which their networks read too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ....benchmark.interface.params import param
from ....results.errors import UsageError
from ..detector import TrainingParams

Projection: TypeAlias = Literal["log", "off"]


@dataclass(frozen=True)
class UniADParams(TrainingParams):
    """A small network for a CPU; the source's values are in docs/trained_details.md."""

    epochs: int = param(10, "passes over the training images of an experience", low=1)
    lr: float = param(
        0.002, "learning rate of AdamW, divided by 10 for the last fifth of the epochs", above=0
    )
    batch_size: int = param(2, "images per training step", low=2)
    width: int = param(64, "length of a token in the transformer", low=2)
    depth: int = param(1, "layers in the encoder, and layers in the decoder", low=1)
    heads: int = param(2, "heads of an attention layer", low=1)
    feedforward: int = param(128, "width of the feed-forward layers", low=1)
    dropout: float = param(0.0, "share of the values that training sets to 0", low=0, high=0.9)
    jitter: float = param(20.0, "noise on the tokens in training; 0 turns it off", low=0)
    neighbor_mask: int = param(
        0, "odd side of the square of tokens that a token does not see; 0 turns it off", low=0
    )
    pooling: int = param(2, "a token is the mean of pooling x pooling patches", low=1)
    window: int = param(2, "the image score is the highest mean of window x window patches", low=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width % 2 or self.width % self.heads:
            raise UsageError(f"width={self.width}: expected an even multiple of heads={self.heads}")
        if self.neighbor_mask and not self.neighbor_mask % 2:
            raise UsageError(f"neighbor_mask={self.neighbor_mask}: expected 0 or an odd number")


@dataclass(frozen=True)
class MoEADParams(UniADParams):
    """The source's experts and weight; the size is for a CPU (docs/trained_details.md)."""

    depth: int = param(2, "rounds through the same layers", low=1)
    pool_size: int = param(4, "feed-forward layers in each of the two pools", low=1)
    top: int = param(2, "experts per token", low=1)
    balance: float = param(0.01, "weight of the loss that balances the experts", low=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.top > self.pool_size:
            raise UsageError(f"top={self.top}: expected at most pool_size={self.pool_size}")


@dataclass(frozen=True)
class IUFParams(UniADParams):
    """The source's values; the size of the network is for a CPU (docs/trained_details.md)."""

    head: int = param(
        0, "outputs for categories before the first experience; more follow as needed", low=0
    )
    compression: float = param(
        10.0, "weight of the semantic compression loss in the first experience", low=0
    )
    projection: Projection = param(
        "log",
        "whether later experiences change the strong directions of old outputs less",
    )
    average: float = param(
        0.05, "share of the old weights, mixed into the new ones before each step", low=0, high=1
    )
    step_lr: float = param(1.0, "learning rate of SGD in later experiences", above=0)
