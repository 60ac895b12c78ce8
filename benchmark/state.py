"""Nested Python values with tensors, as bytes: safetensors for the arrays, JSON for the rest.

Nothing here can run code when it is read, unlike a pickle.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

_TENSOR = "__tensor__"
_ARRAY = "__array__"


def pack(value: Any) -> bytes:
    """Dicts with string keys, lists, tensors, NumPy arrays, numbers, strings, bools and None."""
    from safetensors.torch import save

    tensors: dict[str, Any] = {}
    tree = _flatten(value, tensors)
    return save(tensors, metadata={"tree": json.dumps(tree)})


def unpack(data: bytes, device: Any = "cpu") -> Any:
    """The value that `pack` wrote; tensors come to `device`."""
    from safetensors.torch import load

    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    return _restore(json.loads(header["__metadata__"]["tree"]), load(data), device)


def _flatten(value: Any, tensors: dict[str, Any]) -> Any:
    import torch

    if isinstance(value, torch.Tensor | np.ndarray):
        name = str(len(tensors))
        is_array = isinstance(value, np.ndarray)
        tensor = torch.from_numpy(np.array(value)) if is_array else value.detach().cpu().clone()
        tensors[name] = tensor.contiguous()
        return {_ARRAY if is_array else _TENSOR: name}
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("a method's state may only have string keys")
        return {key: _flatten(item, tensors) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_flatten(item, tensors) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a method's state cannot hold a {type(value).__name__}")


def _restore(tree: Any, tensors: dict[str, Any], device: Any) -> Any:
    if isinstance(tree, dict):
        if tree.keys() == {_TENSOR}:
            return tensors[tree[_TENSOR]].to(device)
        if tree.keys() == {_ARRAY}:
            return tensors[tree[_ARRAY]].numpy()
        return {key: _restore(item, tensors, device) for key, item in tree.items()}
    if isinstance(tree, list):
        return [_restore(item, tensors, device) for item in tree]
    return tree
