"""Devices: choosing one, naming one, and waiting for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...results.errors import UsageError

if TYPE_CHECKING:
    import torch


def choose_device(name: str) -> torch.device:
    """Return the device for `cpu`, `cuda` or `auto` (CUDA if there is one).

    Raises:
        UsageError: CUDA was requested and cannot be used.
    """
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda: no CUDA device is usable here; use --device cpu or auto")
    return torch.device(name)


def device_name(device: torch.device) -> str:
    """`cpu`, or `cuda` with the name of the card."""
    if device.type != "cuda":
        return device.type
    import torch

    return f"cuda ({torch.cuda.get_device_name(device)})"


def synchronize(device: torch.device) -> None:
    """Wait until a CUDA device has finished, so that durations are right."""
    if device.type == "cuda":
        import torch

        torch.cuda.synchronize(device)
