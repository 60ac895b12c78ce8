"""Values per parameter of a network: Avalanche's format and plain tensors."""

from __future__ import annotations

from avalanche.training.utils import ParamData
from torch import Tensor


def as_data(tensors: dict[str, Tensor]) -> dict[str, ParamData]:
    return {
        name: ParamData(name, device=tensor.device, init_tensor=tensor.detach().clone())
        for name, tensor in tensors.items()
    }


def as_tensors(data: dict[str, ParamData]) -> dict[str, Tensor]:
    return {name: entry.data.detach().clone() for name, entry in data.items()}
