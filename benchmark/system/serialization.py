"""Nested Python values with tensors, as bytes: safetensors for the arrays, JSON for the rest.

Nothing here can run code when it is read, unlike a pickle.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

_TENSOR = "__tensor__"
_ARRAY = "__array__"


def pack(value: Any) -> bytes:
    """Dicts with string keys, lists, tensors, NumPy arrays, numbers, strings, bools and None.

    Tuples come back as lists. Raises `TypeError` for anything else.
    """
    from safetensors.torch import save

    tree, tensors = flatten(value)
    named = {str(number): tensor.cpu() for number, tensor in enumerate(tensors)}
    return save(named, metadata={"tree": json.dumps(tree)})


def unpack(data: bytes, device: Any = "cpu") -> Any:
    """The value that `pack` wrote; tensors come to `device`."""
    from safetensors.torch import load

    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    named = load(data)
    tensors = [named[str(number)] for number in range(len(named))]
    return restore(json.loads(header["__metadata__"]["tree"]), tensors, device)


def flatten(value: Any) -> tuple[Any, list[Tensor]]:
    """A value as JSON that refers to tensors by number, and copies of these, where they are."""
    tensors: list[Tensor] = []
    return _flatten(value, tensors), tensors


def restore(tree: Any, tensors: Sequence[Tensor], device: Any = "cpu") -> Any:
    """The value that `flatten` took apart; tensors come to `device`."""
    if isinstance(tree, dict):
        if tree.keys() == {_TENSOR}:
            return tensors[tree[_TENSOR]].to(device)
        if tree.keys() == {_ARRAY}:
            return tensors[tree[_ARRAY]].numpy()
        return {key: restore(item, tensors, device) for key, item in tree.items()}
    if isinstance(tree, list):
        return [restore(item, tensors, device) for item in tree]
    return tree


def _flatten(value: Any, tensors: list[Tensor]) -> Any:
    import torch

    if isinstance(value, np.ndarray):
        return {_ARRAY: _put(torch.from_numpy(np.array(value)), tensors)}
    if isinstance(value, torch.Tensor):
        return {_TENSOR: _put(value.detach().clone(), tensors)}
    if isinstance(value, dict):
        if not all(isinstance(key, str) and key not in (_TENSOR, _ARRAY) for key in value):
            raise TypeError(
                f"a method's state may only have string keys, and none called {_TENSOR} or {_ARRAY}"
            )
        return {key: _flatten(item, tensors) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_flatten(item, tensors) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a method's state cannot hold a {type(value).__name__}")


def _put(tensor: Tensor, tensors: list[Tensor]) -> int:
    tensors.append(tensor.contiguous())
    return len(tensors) - 1
