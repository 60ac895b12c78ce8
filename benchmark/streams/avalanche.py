"""A stream as an Avalanche benchmark, for users who train their own Avalanche strategies."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, Protocol

import torch
from avalanche.benchmarks import (
    CLScenario,
    EagerCLStream,
    with_classes_timeline,
    with_task_labels,
)
from avalanche.benchmarks.scenarios.dataset_scenario import DatasetExperience
from avalanche.benchmarks.utils import DataAttribute
from torch.utils.data import Dataset

from ..data.images.preprocessing import Preprocessing
from ..data.images.reading import read_image
from ..data.item import Item
from ..data.manifest import Manifest
from ..data.roots import Root
from ..interface.avalanche import single_task_dataset


class _Experience(Protocol):
    @property
    def index(self) -> int: ...

    @property
    def categories(self) -> tuple[str, ...]: ...


class _ImageDataset(Dataset[tuple[torch.Tensor, int]]):
    """Images read from their files: (3, crop, crop) float32 in 0..1, and the category's number."""

    def __init__(
        self, root: Root, items: Sequence[Item], targets: list[int], preprocessing: Preprocessing
    ) -> None:
        self.root = root
        self.items = items
        self.targets = targets
        self.preprocessing = preprocessing

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        pixels = read_image(self.root, self.items[index], self.preprocessing)
        return torch.from_numpy(pixels).float() / 255, self.targets[index]


def scenario(
    manifest: Manifest,
    categories: Sequence[str],
    experiences: Sequence[_Experience],
    training: Sequence[Mapping[str, Collection[str]]],
    preprocessing: Preprocessing | None = None,
) -> CLScenario[Any]:
    """Return a stream as an Avalanche benchmark with a `train_stream` and a `test_stream`.

    Args:
        manifest: the dataset.
        categories: all categories in the order of the stream; the position is the target.
        experiences: the experiences of the stream.
        training: per experience, the ids of the training images of each category in it.
        preprocessing: resize and crop; None is the default.

    Returns:
        A scenario of (image, target, task label) items; the task label is always 0. Datasets of
        the test stream have the data attribute `anomaly` (0 good, 1 defective), which is for
        evaluation only.
    """
    chosen = preprocessing or Preprocessing()
    number = {category: n for n, category in enumerate(categories)}

    def dataset(split: Literal["train", "test"], place: int) -> Any:
        if split == "train":
            items = [
                item
                for category, ids in training[place].items()
                for item in manifest.train(category)
                if item.content in ids
            ]
        else:
            items = [i for c in experiences[place].categories for i in manifest.test(c)]
        targets = [number[item.category] for item in items]
        images = _ImageDataset(manifest.root, items, targets, chosen)
        anomaly = DataAttribute([item.label for item in items], "anomaly")
        return single_task_dataset(images).update_data_attribute("anomaly", anomaly)

    streams = [
        EagerCLStream(
            split,
            [
                DatasetExperience(dataset=dataset(split, place), current_experience=place)
                for place in range(len(experiences))
            ],
        )
        for split in ("train", "test")
    ]
    return with_task_labels(with_classes_timeline(CLScenario(streams)))
