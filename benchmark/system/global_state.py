"""Global settings and random generators of the process, restored after each cell.

A method that changes them cannot change the numbers of the methods that follow it.
"""

from __future__ import annotations

import contextlib
import os
import random
import threading
from collections.abc import Iterator
from typing import NoReturn


@contextlib.contextmanager
def restored_global_state() -> Iterator[None]:
    """Restore, at the end, the current folder and the settings of random, NumPy and torch."""
    import numpy as np
    import torch

    folder = os.getcwd()
    python, numpy, cpu = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    errors = np.geterr()
    dtype, threads = torch.get_default_dtype(), torch.get_num_threads()
    gradients, precision = torch.is_grad_enabled(), torch.get_float32_matmul_precision()
    deterministic = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    cudnn = torch.backends.cudnn
    flags = cudnn.enabled, cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # the folder was deleted
            os.chdir(folder)
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        torch.set_rng_state(cpu)
        if cuda:
            torch.cuda.set_rng_state_all(cuda)
        np.seterr(**errors)
        torch.set_default_dtype(dtype)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        torch.set_grad_enabled(gradients)
        torch.set_float32_matmul_precision(precision)
        if deterministic != (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
        ):  # the call imports torch's compiler
            torch.use_deterministic_algorithms(deterministic[0], warn_only=deterministic[1])
        cudnn.enabled, cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32 = flags


@contextlib.contextmanager
def exit_raises() -> Iterator[None]:
    """Let `os._exit` raise `SystemExit` in this thread: a method must not end the run silently.

    Child processes that a method forks, and other threads, exit as usual.
    """
    original, process, thread = os._exit, os.getpid(), threading.get_ident()

    def replacement(status: int) -> NoReturn:
        if (os.getpid(), threading.get_ident()) == (process, thread):
            raise SystemExit(status)
        original(status)

    os._exit = replacement
    try:
        yield
    finally:
        os._exit = original
