"""Importing what is large."""

from __future__ import annotations

import gc
import sys


def import_torch() -> None:
    """Import torch without looking for garbage meanwhile: none of its many objects is, and a third
    of a second goes into finding that out again and again, now and later.
    """
    if "torch" in sys.modules:
        return
    searching = gc.isenabled()
    gc.disable()
    try:
        import torch  # noqa: F401
    finally:
        if searching:
            gc.freeze()
            gc.enable()
