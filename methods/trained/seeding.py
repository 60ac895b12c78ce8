"""Training whose random numbers follow from the seed of the cell."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from ...benchmark.interface.context import MethodContext


@contextlib.contextmanager
def seeded_torch(context: MethodContext, purpose: str, name: str = "") -> Iterator[None]:
    """Seed torch's global generators in a `with` block and restore them afterwards.

    Args:
        context: gives the seed and the device.
        purpose: what the random numbers are for, as for `MethodContext.rng`.
        name: the name for `MethodContext.rng`.
    """
    import torch

    device = context.device
    on_cuda = device.type == "cuda"
    seed = int(context.rng(purpose, name).integers(2**62))
    # torch.manual_seed would also seed the generators of devices that are not restored.
    with torch.random.fork_rng(devices=[device] if on_cuda else []), deterministic():
        torch.default_generator.manual_seed(seed)
        if on_cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield


def deterministic() -> contextlib.AbstractContextManager[Any]:
    """Use deterministic convolutions, also on CUDA."""
    import torch

    cudnn: Any = torch.backends.cudnn
    flags: contextlib.AbstractContextManager[Any] = cudnn.flags(
        enabled=True, deterministic=True, allow_tf32=False
    )
    return flags
