"""Checks of what a method returns: types, shapes and value ranges."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ...interface.prediction import ExpertMemory, MemoryReport, Prediction
from ...system.plugin_errors import PluginMistake

if TYPE_CHECKING:
    import torch

_LARGEST_MAP_VALUE = float(np.finfo(np.float16).max)
"""Records store maps in float16."""

_LARGEST_COUNT = 2**63 - 1
"""Records store counts in 64 bits."""

_COUNTS = ("scoring_vectors", "stored_vectors", "scoring_bytes", "stored_bytes")
_NETWORK_COUNTS = ("parameters_trained", "parameters_stored", "network_bytes")


class InvalidPrediction(PluginMistake):
    """What `Method.score` returned is not a valid `Prediction`."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"score returned an invalid prediction: {reason}")


MapGrid: TypeAlias = tuple[int, int]
"""Height and width of anomaly maps."""


def validate_prediction(
    prediction: Any, n_images: int, crop: int, map_grid: MapGrid | None = None
) -> MapGrid | None:
    """Check that what a method returned for a batch is a valid `Prediction`.

    Args:
        prediction: return value of `Method.score`.
        n_images: number of images in the batch.
        crop: side of the preprocessed images in pixels: the largest side of a map.
        map_grid: (h, w) of the maps of earlier batches; None if there were none.

    Returns:
        (h, w) of the maps; `map_grid` if there are none.

    Raises:
        InvalidPrediction: says which field is wrong and what was expected, such as
            `image_scores has shape (3,), expected (4,)`.
    """
    import torch

    if not isinstance(prediction, Prediction):
        raise InvalidPrediction(f"it is {_kind(prediction)}, not a cadbench.Prediction")
    for name in ("image_scores", "maps", "route"):
        value = getattr(prediction, name)
        if value is not None or name == "image_scores":
            _check_tensor(name, value)
    scores, maps, route = prediction.image_scores, prediction.maps, prediction.route
    _check_shape("image_scores", scores, (n_images,))
    if not torch.isfinite(scores.float()).all():
        raise InvalidPrediction("image_scores has values that are not finite")
    if maps is not None:
        map_grid = _check_map_shape(tuple(maps.shape), n_images, crop, map_grid)
        if not (maps.abs() <= _LARGEST_MAP_VALUE).all():
            raise InvalidPrediction("maps has NaN or values beyond float16 (65504)")
    if route is not None:
        _check_shape("route", route, (n_images,))
        if route.is_floating_point():
            raise InvalidPrediction(f"route has dtype {route.dtype}, expected integers")
        if not ((route >= -1) & (route <= np.iinfo(np.int16).max)).all():
            raise InvalidPrediction(
                "route has values out of range: expected expert numbers 0 to 32767, or -1 for none"
            )
    return map_grid


def check_claim(claimed: Any, reached: Collection[str]) -> None:
    """Check what `Method.observe` returned.

    Args:
        claimed: the return value.
        reached: the category names that the method has received up to now.

    Raises:
        PluginMistake: it is neither None nor a set of these names.
    """
    if claimed is None:
        return
    if not isinstance(claimed, set | frozenset) or not all(isinstance(c, str) for c in claimed):
        raise PluginMistake(
            f"observe returned {_kind(claimed)}, expected a set of category names, or None for all"
        )
    if unknown := sorted(claimed - set(reached)):
        raise PluginMistake(
            f"observe returned categories that the stream has not reached: {', '.join(unknown)}"
        )


def check_memory(report: Any) -> MemoryReport:
    """Check what `Method.memory` returned, and return it.

    Raises:
        PluginMistake: it is not a `MemoryReport`, or a value cannot be recorded.
    """
    if not isinstance(report, MemoryReport):
        raise PluginMistake(f"memory returned {_kind(report)}, expected a cadbench.MemoryReport")
    if not isinstance(report.experts, tuple | list):
        raise PluginMistake(f"memory: experts is {_kind(report.experts)}, expected a tuple")
    for expert in report.experts:
        if not isinstance(expert, ExpertMemory):
            raise PluginMistake(
                f"memory: experts has {_kind(expert)}, expected a cadbench.ExpertMemory"
            )
        _check_expert(expert)
    for part in (report, *report.experts):
        for name in (*_COUNTS, *_NETWORK_COUNTS * (part is report)):
            value = getattr(part, name)
            if not (_is_whole(value) and 0 <= value <= _LARGEST_COUNT):
                raise PluginMistake(
                    f"memory: {name} is {_value(value)}, expected a whole number from 0 to 2**63-1"
                )
    return report


def _check_expert(expert: ExpertMemory) -> None:
    if not (_is_whole(expert.expert) and 0 <= expert.expert <= np.iinfo(np.int16).max):
        raise PluginMistake(
            f"memory: expert is {_value(expert.expert)}, expected a number from 0 to 32767"
        )
    names = expert.categories
    if not isinstance(names, tuple | list) or not all(isinstance(name, str) for name in names):
        raise PluginMistake(
            f"memory: categories of expert {expert.expert} is {_kind(names)}, expected a tuple of "
            "names"
        )
    used: Any = expert.utilization
    if used is not None and not (isinstance(used, int | float) and np.isfinite(used)):
        raise PluginMistake(
            f"memory: utilization of expert {expert.expert} is {_value(used)}, expected a number "
            "from 0 to 1"
        )


def _check_tensor(name: str, value: Any) -> None:
    """Raise unless a field is a dense tensor of numbers; those of `route` are checked later."""
    import torch

    if not isinstance(value, torch.Tensor):
        raise InvalidPrediction(f"{name} is {_kind(value)}, expected a tensor")
    if value.layout != torch.strided or value.is_nested or value.is_quantized or value.is_meta:
        raise InvalidPrediction(
            f"{name} is a sparse, nested, quantized or empty (meta) tensor, expected a dense one"
        )
    if value.is_complex() or value.dtype == torch.bool:
        expected = "integers" if name == "route" else "real numbers"
        raise InvalidPrediction(f"{name} has dtype {value.dtype}, expected {expected}")


def _check_shape(name: str, tensor: torch.Tensor, expected: tuple[int, ...]) -> None:
    shape = tuple(tensor.shape)
    if shape != expected:
        raise InvalidPrediction(f"{name} has shape {shape}, expected {expected}")


def _check_map_shape(
    shape: tuple[int, ...], n_images: int, crop: int, map_grid: MapGrid | None
) -> MapGrid:
    fits = len(shape) == 3 and shape[0] == n_images and all(1 <= n <= crop for n in shape[1:])
    if not fits:
        raise InvalidPrediction(
            f"maps has shape {shape}, expected ({n_images}, h, w) with h and w from 1 to {crop}"
        )
    found = shape[1], shape[2]
    if map_grid is not None and found != map_grid:
        raise InvalidPrediction(
            f"maps has the grid {found}, but those of earlier batches had {map_grid}"
        )
    return found


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _kind(value: Any) -> str:
    """`None`, `5 (int)` or `a list`."""
    if value is None:
        return "None"
    if isinstance(value, int | float | str):
        return f"{_value(value)} ({type(value).__name__})"
    return f"a {type(value).__name__}"


def _value(value: Any) -> str:
    """A value as text, shortened; Python refuses to write very long integers."""
    try:
        text = repr(value)
    except Exception:
        return f"a {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:60]}..."
