"""The parameters of `uniad`, `moead` and `iuf`, which their networks read too."""

from __future__ import annotations

from dataclasses import dataclass

from ....benchmark.interface.params import param
from ....results.errors import UsageError
from ..detector import TrainingParams


@dataclass(frozen=True)
class UniADParams(TrainingParams):
    """A small network for a CPU; the source's values are in docs/trained.md."""

    epochs: int = param(10, "passes over the training images of an experience", low=1)
    lr: float = param(
        0.005, "learning rate of AdamW, divided by 10 for the last fifth of the epochs", above=0
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
