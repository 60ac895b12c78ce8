"""Training and convolutions whose results do not depend on the run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from ..benchmark.system.threads import one_thread


@contextlib.contextmanager
def deterministic() -> Iterator[None]:
    """Use deterministic convolutions in full float32, also on CUDA, and one thread on the CPU.

    With another number of threads, sums have another order and differ in their last bits, which
    training magnifies to the second digit of an AUROC. `--jobs` uses several cores.
    """
    import torch

    cudnn: Any = torch.backends.cudnn
    with cudnn.flags(enabled=True, deterministic=True, allow_tf32=False), one_thread():
        yield
