"""What a piece of work costs the machine: peak memory of the process and of the GPU, and energy.

Whatever the machine does not tell is None. Energy is that of all processors (RAPL) and of the GPU
(NVML), whoever used them.
"""

from __future__ import annotations

import ctypes
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import torch

POWERCAP = Path("/sys/class/powercap")
"""Folder of RAPL's counters, which usually only root may read."""
_PROCESS = Path("/proc/self")


class CostMeter:
    """Measures the block of a `with` statement.

    Attributes:
        process_bytes: peak resident memory of the process, memory-mapped files included.
        gpu_bytes: peak memory that torch allocated on the device; None on a CPU.
        joules: energy of the processors and of the device.
    """

    process_bytes: int | None = None
    gpu_bytes: int | None = None
    joules: float | None = None

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._resets_peak = False
        self._energy: dict[str, tuple[float, float]] = {}

    def __enter__(self) -> Self:
        with suppress(OSError):
            (_PROCESS / "clear_refs").write_text("5")  # the peak becomes the present memory
            self._resets_peak = True
        if self.device.type == "cuda":
            import torch

            torch.cuda.reset_peak_memory_stats(self.device)
        self._energy = energy_counters(self.device)
        return self

    def __exit__(self, *error: object) -> None:
        self.joules = spent(self._energy, energy_counters(self.device))
        with suppress(OSError, TypeError):
            found = re.search(r"VmHWM:\s+(\d+) kB", (_PROCESS / "status").read_text())
            if self._resets_peak and found:
                self.process_bytes = int(found[1]) * 1024
        if self.device.type == "cuda":
            import torch

            self.gpu_bytes = int(torch.cuda.max_memory_allocated(self.device))

    def as_dict(self) -> dict[str, Any]:
        """The three measurements by name."""
        names = ("process_bytes", "gpu_bytes", "joules")
        return {name: getattr(self, name) for name in names}


def energy_counters(device: torch.device) -> dict[str, tuple[float, float]]:
    """Read the energy counters of the machine.

    Returns:
        Counter -> joules now, and joules at which it starts again from 0 (0: never).
    """
    counters = {}
    for package in sorted(POWERCAP.glob("intel-rapl:[0-9]")):
        with suppress(OSError, ValueError):
            used, most = (
                float((package / f"{name}_uj").read_text()) * 1e-6
                for name in ("energy", "max_energy_range")
            )
            counters[package.name] = used, most
    if device.type == "cuda" and (joules := _gpu_joules(device)) is not None:
        counters["gpu"] = joules, 0.0
    return counters


def spent(
    before: dict[str, tuple[float, float]], after: dict[str, tuple[float, float]]
) -> float | None:
    """Joules between two readings of the same counters; None without counters."""
    if not before or before.keys() != after.keys():
        return None
    differences = {name: after[name][0] - before[name][0] for name in before}
    return sum(each + (before[name][1] if each < 0 else 0.0) for name, each in differences.items())


def _gpu_joules(device: torch.device) -> float | None:
    """Energy of a GPU since its driver was loaded, from NVML."""
    import torch

    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
        uuid = f"GPU-{torch.cuda.get_device_properties(device).uuid}".encode()
        handle, millijoules = ctypes.c_void_p(), ctypes.c_ulonglong()
        failed = (
            nvml.nvmlInit_v2()
            or nvml.nvmlDeviceGetHandleByUUID(uuid, ctypes.byref(handle))
            or nvml.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(millijoules))
        )
    except (OSError, AttributeError):
        return None
    return None if failed else millijoules.value * 1e-3
