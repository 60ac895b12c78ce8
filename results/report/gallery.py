"""Sample images of a run for the report, supplied by a caller that has the dataset."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Sample:
    """A test image and its anomaly map as small JPEG files.

    Attributes:
        wrong: share of the category's images with the other label that the score ranks wrongly.
        kind: whether the image is among the worst or the best of its category by that share.
        others: key of another run -> its score and map of the same image.
    """

    kind: Literal["worst", "best"]
    label: int
    defect: str
    score: float
    wrong: float
    image: bytes
    map: bytes
    others: Mapping[str, tuple[float, bytes]] = field(default_factory=dict)


@dataclass(frozen=True)
class Gallery:
    """Samples of one category after the last experience of the run `key`."""

    key: str
    category: str
    auroc: float
    samples: tuple[Sample, ...]


def gallery_values(gallery: Gallery) -> dict[str, Any]:
    """The gallery as data for the page, images as data URLs."""
    samples = [
        {
            **vars(sample),
            "image": _url(sample.image),
            "map": _url(sample.map),
            "others": {key: [score, _url(jpeg)] for key, (score, jpeg) in sample.others.items()},
        }
        for sample in gallery.samples
    ]
    return {**vars(gallery), "samples": samples}


def _url(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode('ascii')}"
