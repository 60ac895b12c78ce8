"""Convolutions whose results do not depend on the run."""

from __future__ import annotations

import contextlib
from typing import Any


def deterministic() -> contextlib.AbstractContextManager[Any]:
    """Use deterministic convolutions in full float32 in a `with` block, also on CUDA."""
    import torch

    cudnn: Any = torch.backends.cudnn
    flags: contextlib.AbstractContextManager[Any] = cudnn.flags(
        enabled=True, deterministic=True, allow_tf32=False
    )
    return flags
