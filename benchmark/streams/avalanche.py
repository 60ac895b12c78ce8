"""Bridges to avalanche-lib: a whole stream for users, one training experience for strategies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import torch
from avalanche.benchmarks import (
    CLScenario,
    EagerCLStream,
    with_classes_timeline,
    with_task_labels,
)
from avalanche.benchmarks.scenarios.dataset_scenario import DatasetExperience
from avalanche.benchmarks.utils import (
    ConstantSequence,
    DataAttribute,
    TaskAwareSupervisedClassificationDataset,
    TaskLabels,
)
from torch.utils.data import Dataset

from ..data.images.preprocessing import Preprocessing
from ..data.images.reading import read_picture
from ..data.manifest import Item
from ..data.roots import Root

if TYPE_CHECKING:
    from ..features.source import PatchSource
    from ..interface.method import TrainExperience
    from .stream import Experience, Stream

Inputs: TypeAlias = Literal["images", "patches"]


class _Files(Dataset[tuple[torch.Tensor, int]]):
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
        pixels = read_picture(self.root, self.items[index], self.preprocessing)
        return torch.from_numpy(pixels).float() / 255, self.targets[index]


class _Stored(Dataset[tuple[torch.Tensor, int]]):
    """Cached arrays: images (3, crop, crop) float32 in 0..1, or patches (P, D) float32."""

    def __init__(self, sources: Sequence[PatchSource], targets: Sequence[int]) -> None:
        self.places = [(s, row) for s in sources for row in range(len(s.ids))]
        self.opened: dict[str, dict[int, np.ndarray]] = {s.digest: {} for s in sources}
        self.targets = [t for t, s in zip(targets, sources, strict=True) for _ in s.ids]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        source, row = self.places[index]
        values = source.read([row], self.opened[source.digest])[0]
        return values.float() / 255 if values.dtype == torch.uint8 else values, self.targets[index]


class _Held(Dataset[tuple[torch.Tensor, int]]):
    """Values that a method keeps, given as `_Stored` gives those of the cache."""

    def __init__(self, values: torch.Tensor, targets: Sequence[int], device: torch.device) -> None:
        self.values = values
        self.targets = list(targets)
        self.device = device

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        value = self.values[index].to(self.device)
        whole = value.dtype == torch.uint8
        return value.float() / 255 if whole else value.float(), self.targets[index]


def scenario(stream: Stream, preprocessing: Preprocessing | None = None) -> CLScenario[Any]:
    """A stream as an Avalanche benchmark with a `train_stream` and a `test_stream`.

    Targets number the categories in the order of the stream. Datasets of the test stream carry
    the data attribute `anomaly` (0 good, 1 defective), which is for evaluation only. Items are
    (image, target, task label); the task label is 0 throughout.
    """
    preprocessing = preprocessing or Preprocessing()
    number = {category: n for n, category in enumerate(stream.order.categories)}
    manifest = stream.manifest

    def dataset(experience: Experience, split: Literal["train", "test"]) -> Any:
        if split == "train":
            shown = stream.training(experience.index)
            items = [i for c, ids in shown.items() for i in manifest.train(c) if i.content in ids]
        else:
            items = [i for c in experience.categories for i in manifest.test(c)]
        targets = [number[item.category] for item in items]
        files = _Files(manifest.root, items, targets, preprocessing)
        anomaly = DataAttribute([item.label for item in items], "anomaly")
        return _of_one_task(files).update_data_attribute("anomaly", anomaly)

    streams = [
        EagerCLStream(
            split,
            [
                DatasetExperience(dataset=dataset(e, split), current_experience=e.index - 1)
                for e in stream.train_stream
            ],
        )
        for split in ("train", "test")
    ]
    return with_task_labels(with_classes_timeline(CLScenario(streams)))


def train_experience(experience: TrainExperience, inputs: Inputs = "images") -> Any:
    """One training experience as an Avalanche `CLExperience`, fed from the cache.

    Its `current_experience` counts from 0, as Avalanche's do, and it knows the classes up to
    now but none to come. Items are (input, target, task label), the label 0 throughout.
    """
    held = experience._pixels if inputs == "images" else experience._patches
    sources = [held[category] for category in experience.categories]
    before = experience.categories_before
    numbers = [experience.number(category) for category in experience.categories]
    return _single(_of_one_task(_Stored(sources, numbers)), experience.index, before, numbers)


def held_dataset(values: torch.Tensor, targets: Sequence[int], device: torch.device) -> Any:
    """An Avalanche dataset of values (N, ...) that a method kept: uint8 images, or patches."""
    return _of_one_task(_Held(values, targets, device))


def held_experience(
    values: torch.Tensor, targets: Sequence[int], device: torch.device, index: int
) -> Any:
    """A past experience, the `index`-th from 1, of the values that a method kept of it."""
    return _single(held_dataset(values, targets, device), index, min(targets), targets)


def _single(dataset: Any, index: int, before: int, classes: Sequence[int]) -> Any:
    single = DatasetExperience(dataset=dataset)
    single.previous_classes = set(range(before))
    single.classes_in_this_experience = set(classes)
    single.classes_seen_so_far = single.previous_classes | single.classes_in_this_experience
    EagerCLStream("train", [single])
    # The stream of one has numbered it 0.
    single.current_experience = index - 1
    return with_task_labels(single)


def _of_one_task(dataset: _Files | _Stored | _Held) -> Any:
    """An Avalanche dataset whose task label is 0 throughout: strategies such as LwF ask for it."""
    attributes = [
        DataAttribute(dataset.targets, "targets"),
        TaskLabels(ConstantSequence(0, len(dataset))),
    ]
    return TaskAwareSupervisedClassificationDataset([dataset], data_attributes=attributes)
