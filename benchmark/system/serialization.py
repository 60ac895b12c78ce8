"""Serialize nested Python values with tensors: safetensors for the arrays, JSON for the rest.

Unlike with pickle, reading never runs code.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

_TENSOR = "__tensor__"
_ARRAY = "__array__"


def pack(value: Any) -> bytes:
    """Serialize a value to bytes.

    Args:
        value: a tensor, NumPy array, number, string, bool, None, or a list or dict (with string
            keys) of them. Tuples are restored as lists.

    Raises:
        TypeError: the value holds anything else.
    """
    from safetensors.torch import save

    tree, tensors = flatten(value)
    named = {str(number): tensor.cpu() for number, tensor in enumerate(tensors)}
    return save(named, metadata={"tree": json.dumps(tree)})


def unpack(data: bytes, device: Any = "cpu") -> Any:
    """Restore the value that `pack` serialized, with its tensors on `device`."""
    from safetensors.torch import load

    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    named = load(data)
    tensors = [named[str(number)] for number in range(len(named))]
    return restore(json.loads(header["__metadata__"]["tree"]), tensors, device)


def pack_file(path: Path, value: Any) -> None:
    """Write a value that `pack` accepts to a file, without holding its bytes in memory."""
    from safetensors.torch import save_file

    tree, tensors = flatten(value)
    named = {str(number): tensor.cpu() for number, tensor in enumerate(tensors)}
    save_file(named, path, metadata={"tree": json.dumps(tree)})


def unpack_file(path: Path, device: Any = "cpu") -> Any:
    """Restore the value that `pack_file` wrote, with its tensors on `device`."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        tensors = [file.get_tensor(str(number)) for number in range(len(file.keys()))]
        tree = json.loads(file.metadata()["tree"])
    return restore(tree, tensors, device)


def flatten(value: Any) -> tuple[Any, list[Tensor]]:
    """Split a value into a JSON tree that numbers its tensors, and copies of these tensors."""
    tensors: list[Tensor] = []
    return _flatten(value, tensors), tensors


def restore(tree: Any, tensors: Sequence[Tensor], device: Any = "cpu") -> Any:
    """Rebuild the value that `flatten` split, with its tensors on `device`."""
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
                f"the keys of a method's state must be strings other than {_TENSOR} and {_ARRAY}"
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
