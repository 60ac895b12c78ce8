"""Training data that strategies store: compact tensors, and Avalanche datasets of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import torch
from avalanche.benchmarks.utils.utils import concat_datasets
from avalanche.training.plugins import ReplayPlugin
from avalanche.training.storage_policy import ExperienceBalancedBuffer, ReservoirSamplingBuffer
from torch import Tensor

from ...benchmark.interface.avalanche import stored_dataset, stored_experience

if TYPE_CHECKING:
    from ...benchmark.interface.experience import TrainExperience

Inputs: TypeAlias = Literal["images", "patches"]
"""What a network is trained on."""

_BATCH = 32


def restore_replay(mem_size: int, state: dict[str, Any], device: torch.device) -> ReplayPlugin:
    """Build Avalanche's replay plugin, with a random sample of each earlier experience.

    Args:
        mem_size: number of images in the buffer.
        state: what `replay_state` returned after the last experience; empty before the first.
        device: where the images are used.
    """
    buffer = ExperienceBalancedBuffer(mem_size, adaptive_size=True)
    for index, group in enumerate(state.get("groups", ())):
        sample = ReservoirSamplingBuffer(len(group["values"]))
        sample.buffer = stored_dataset(group["values"], group["targets"], device)
        sample._buffer_weights = group["priorities"].cpu()
        buffer.buffer_groups[index] = sample
        buffer._num_exps = index + 1
    return ReplayPlugin(mem_size, storage_policy=buffer)


def replay_state(plugin: ReplayPlugin) -> dict[str, Any]:
    """The images of each experience in the buffer, with their priorities in the reservoir."""
    groups = []
    for sample in plugin.storage_policy.buffer_groups.values():
        items = [sample.buffer[index] for index in range(len(sample.buffer))]
        values = compact(torch.stack([item[0] for item in items])) if items else torch.empty(0)
        groups.append(
            {
                "values": values,
                "targets": [int(item[1]) for item in items],
                "priorities": sample._buffer_weights.clone(),
            }
        )
    return {"groups": groups}


def add_experience(
    experience: TrainExperience, inputs: Inputs, state: dict[str, Any]
) -> dict[str, Any]:
    """Add all training images of an experience to the stored ones.

    Args:
        experience: the experience to store.
        inputs: what to store of its images.
        state: the stored experiences; not changed.
    """
    return {"groups": [*state.get("groups", ()), read_experience(experience, inputs)]}


def read_experience(experience: TrainExperience, inputs: Inputs) -> dict[str, Any]:
    """Read all training images of an experience, or their patches, and their category numbers."""
    parts, targets = [], list[int]()
    for number, category in enumerate(experience.categories, experience.categories_before):
        for part in read_images(experience, category, inputs):
            parts.append(part)
            targets += [number] * len(part)
    return {"values": torch.cat(parts), "targets": targets}


def as_dataset(state: dict[str, Any], device: torch.device) -> Any:
    """Return all stored images as one Avalanche dataset; None if there are none."""
    groups = state.get("groups", ())
    datasets = [stored_dataset(group["values"], group["targets"], device) for group in groups]
    return concat_datasets(datasets) if datasets else None


def as_experiences(state: dict[str, Any], device: torch.device) -> list[Any]:
    """Return the stored experiences as Avalanche experiences."""
    return [
        stored_experience(group["values"], group["targets"], device, index)
        for index, group in enumerate(state.get("groups", ()), 1)
    ]


def read_images(experience: TrainExperience, category: str, inputs: Inputs) -> Iterator[Tensor]:
    """Read the images of a category, or their patches, in parts, as `compact` stores them."""
    if inputs == "images":
        yield experience.images(category)[1].cpu()
    else:
        for _, patches in experience.batches(category, _BATCH):
            yield compact(patches)


def compact(values: Tensor) -> Tensor:
    """Values on the CPU in the smallest exact type: uint8 images, float16 or float32 patches."""
    values = values.cpu()
    for smaller in ((values * 255).round().to(torch.uint8), values.half()):
        if torch.equal(as_floats(smaller), values):
            return smaller
    return values


def as_floats(values: Tensor) -> Tensor:
    """Values that `compact` stored, as float32."""
    return values.float() / 255 if values.dtype == torch.uint8 else values.float()
