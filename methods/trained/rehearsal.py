"""Training data that strategies keep: tensors as compact as the cache's, and their datasets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from avalanche.benchmarks.utils.utils import concat_datasets
from avalanche.training.plugins import ReplayPlugin
from avalanche.training.storage_policy import ExperienceBalancedBuffer, ReservoirSamplingBuffer
from torch import Tensor

from ...benchmark.interface.avalanche import stored_dataset, stored_experience

if TYPE_CHECKING:
    from ...benchmark.interface.experience import TrainExperience
    from .detector import Inputs

_READ_AT_ONCE = 32


def replay(mem_size: int, kept: dict[str, Any], device: torch.device) -> ReplayPlugin:
    """Avalanche's replay with the images that were kept: a random sample of each experience."""
    buffer = ExperienceBalancedBuffer(mem_size, adaptive_size=True)
    for index, group in enumerate(kept.get("groups", ())):
        held = ReservoirSamplingBuffer(len(group["values"]))
        held.buffer = stored_dataset(group["values"], group["targets"], device)
        held._buffer_weights = group["priorities"].cpu()
        buffer.buffer_groups[index] = held
        buffer._num_exps = index + 1
    return ReplayPlugin(mem_size, storage_policy=buffer)


def replay_kept(plugin: ReplayPlugin) -> dict[str, Any]:
    """The images of each experience in the buffer, with the priorities that keep them there."""
    groups = []
    for held in plugin.storage_policy.buffer_groups.values():
        items = [held.buffer[index] for index in range(len(held.buffer))]
        values = _compact(torch.stack([item[0] for item in items])) if items else torch.empty(0)
        groups.append(
            {
                "values": values,
                "targets": [int(item[1]) for item in items],
                "priorities": held._buffer_weights.clone(),
            }
        )
    return {"groups": groups}


def with_images_of(
    experience: TrainExperience, inputs: Inputs, kept: dict[str, Any]
) -> dict[str, Any]:
    """`kept`, and all training images of another experience."""
    parts, targets = [], list[int]()
    for number, category in enumerate(experience.categories, experience.categories_before):
        for part in _read(experience, category, inputs):
            parts.append(part)
            targets += [number] * len(part)
    group = {"values": torch.cat(parts), "targets": targets}
    return {"groups": [*kept.get("groups", ()), group]}


def dataset_of(kept: dict[str, Any], device: torch.device) -> Any:
    """All kept images as one Avalanche dataset; None where there is none."""
    groups = kept.get("groups", ())
    held = [stored_dataset(group["values"], group["targets"], device) for group in groups]
    return concat_datasets(held) if held else None


def experiences_of(kept: dict[str, Any], device: torch.device) -> list[Any]:
    """The past experiences as Avalanche has them."""
    return [
        stored_experience(group["values"], group["targets"], device, index)
        for index, group in enumerate(kept.get("groups", ()), 1)
    ]


def _read(experience: TrainExperience, category: str, inputs: Inputs) -> Iterator[Tensor]:
    if inputs == "images":
        yield experience.images(category)[1].cpu()
    else:
        for _, patches in experience.batches(category, _READ_AT_ONCE):
            yield _compact(patches)


def _compact(values: Tensor) -> Tensor:
    """Values as the cache has them, on the CPU: images in bytes, patches in float16 or float32."""
    values = values.cpu()
    for smaller in ((values * 255).round().to(torch.uint8), values.half()):
        restored = smaller.float() / 255 if smaller.dtype == torch.uint8 else smaller.float()
        if torch.equal(restored, values):
            return smaller
    return values
