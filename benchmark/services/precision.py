"""Matrix products in full float32, even if a method has allowed lower precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def full_float32() -> Iterator[None]:
    """Disable TF32 for matrix products on CUDA.

    The bounds of selection and search assume float32 rounding errors. torch's setting applies to
    the whole process, and a method that trains may have changed it.
    """
    import torch

    products: Any = torch.backends.cuda.matmul
    # torch before 2.9 only has `allow_tf32`; later versions refuse to mix it with the new name.
    name: str = "fp32_precision" if hasattr(products, "fp32_precision") else "allow_tf32"
    full: Any = "ieee" if name == "fp32_precision" else False
    before = getattr(products, name)
    setattr(products, name, full)
    try:
        yield
    finally:
        setattr(products, name, before)
