"""Matrix products in full float32, whatever a method of the same process has asked torch for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def full_float32() -> Iterator[None]:
    """On CUDA, no TF32: what bounds allow for is the rounding of float32 products.

    torch keeps this for the whole process; a method that trains may have changed it.
    """
    import torch

    products: Any = torch.backends.cuda.matmul
    # torch before 2.9 knows the other name alone; to use both is an error since.
    name: str = "fp32_precision" if hasattr(products, "fp32_precision") else "allow_tf32"
    full: Any = "ieee" if name == "fp32_precision" else False
    before = getattr(products, name)
    setattr(products, name, full)
    try:
        yield
    finally:
        setattr(products, name, before)
