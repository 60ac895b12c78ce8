"""One training experience as an Avalanche experience, for methods that train with Avalanche."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from avalanche.benchmarks import EagerCLStream, with_task_labels
from avalanche.benchmarks.scenarios.dataset_scenario import DatasetExperience
from avalanche.benchmarks.utils import (
    ConstantSequence,
    DataAttribute,
    TaskAwareSupervisedClassificationDataset,
    TaskLabels,
)
from torch.utils.data import Dataset

from .opaque import conceal, reveal
from .patch_source import PatchSource


class TargetedDataset(Protocol):
    """A dataset of (input, target) pairs that knows its targets without reading the inputs."""

    targets: list[int]

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> tuple[torch.Tensor, int]: ...


class _CachedDataset(Dataset[tuple[torch.Tensor, int]]):
    """Cached arrays: images (3, crop, crop) float32 in 0..1, or patches (P, D) float32."""

    def __init__(self, sources: Sequence[PatchSource], targets: Sequence[int]) -> None:
        self.targets = [t for t, s in zip(targets, sources, strict=True) for _ in s.ids]
        self._rows = conceal(_Rows(sources))

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        values = reveal(self._rows).read(index)
        return values.float() / 255 if values.dtype == torch.uint8 else values, self.targets[index]


class _Rows:
    """The rows of several sources, one after the other; files that were read stay open."""

    def __init__(self, sources: Sequence[PatchSource]) -> None:
        self._places = [(s, row) for s in sources for row in range(len(s.ids))]
        self._opened: dict[str, dict[int, np.ndarray]] = {s.digest: {} for s in sources}
        self._held: dict[str, torch.Tensor] = {}
        source, row = self._places[0]
        if (device := source.read([row]).device).type == "cuda":
            self._held = hold_on_device(sources, device, torch.cuda.mem_get_info(device)[0] // 4)

    def read(self, index: int) -> torch.Tensor:
        """The values of one row."""
        source, row = self._places[index]
        if (held := self._held.get(source.digest)) is not None:
            return held[row].float() if held.is_floating_point() else held[row]
        return source.read([row], self._opened[source.digest])[0]


def hold_on_device(
    sources: Sequence[PatchSource], device: torch.device, budget: int
) -> dict[str, torch.Tensor]:
    """Copy the arrays of sources to a device, so that batches are made there.

    Args:
        sources: the images or patches of each category.
        device: a GPU.
        budget: bytes that they may take together.

    Returns:
        Digest of a source -> its array in the stored type; empty if they do not fit.
    """
    arrays = {source.digest: source.arrays() for source in sources}
    if sum(piece.nbytes for pieces in arrays.values() for piece in pieces) > budget:
        return {}
    return {
        digest: torch.from_numpy(np.concatenate(pieces)).to(device)
        for digest, pieces in arrays.items()
    }


class _TensorDataset(Dataset[tuple[torch.Tensor, int]]):
    """Values that a method stores, in the format of `_CachedDataset`."""

    def __init__(self, values: torch.Tensor, targets: Sequence[int], device: torch.device) -> None:
        self.values = values
        self.targets = list(targets)
        self.device = device

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        value = self.values[index].to(self.device)
        scaled = value.float() / 255 if value.dtype == torch.uint8 else value.float()
        return scaled, self.targets[index]


def single_experience(
    sources: Sequence[PatchSource],
    numbers: Sequence[int],
    *,
    index: int,
    categories_before: int,
) -> Any:
    """Return one training experience as an Avalanche `CLExperience`, read from the cache.

    Args:
        sources: the images or patches of each category.
        numbers: number of each category in the stream, from 0: the targets.
        index: position in the stream, from 1. `current_experience` counts from 0, as Avalanche
            does.
        categories_before: number of categories in earlier experiences.

    Returns:
        An experience of (input, target, task label) items; the task label is always 0. It knows
        the classes seen up to now and none of the later ones.
    """
    dataset = single_task_dataset(_CachedDataset(sources, numbers))
    return _experience(dataset, index, categories_before, numbers)


def stored_dataset(values: torch.Tensor, targets: Sequence[int], device: torch.device) -> Any:
    """Return an Avalanche dataset of values (N, ...) that a method stored.

    Args:
        values: uint8 images (N, 3, H, W) or patches (N, P, D).
        targets: N category numbers.
        device: where the items are moved to.
    """
    return single_task_dataset(_TensorDataset(values, targets, device))


def stored_experience(
    values: torch.Tensor, targets: Sequence[int], device: torch.device, index: int
) -> Any:
    """Return the past experience number `index` (from 1) of values that a method stored of it."""
    return _experience(stored_dataset(values, targets, device), index, min(targets), targets)


def single_task_dataset(dataset: TargetedDataset) -> Any:
    """Return an Avalanche dataset whose task label is always 0; strategies such as LwF need it."""
    attributes = [
        DataAttribute(dataset.targets, "targets"),
        TaskLabels(ConstantSequence(0, len(dataset))),
    ]
    return TaskAwareSupervisedClassificationDataset([dataset], data_attributes=attributes)


def _experience(dataset: Any, index: int, before: int, classes: Sequence[int]) -> Any:
    single = DatasetExperience(dataset=dataset)
    single.previous_classes = set(range(before))
    single.classes_in_this_experience = set(classes)
    single.classes_seen_so_far = single.previous_classes | single.classes_in_this_experience
    EagerCLStream("train", [single])
    # Avalanche has numbered the only experience of this stream 0.
    single.current_experience = index - 1
    return with_task_labels(single)
