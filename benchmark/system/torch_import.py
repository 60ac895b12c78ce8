"""A faster import of torch."""

from __future__ import annotations

import gc
import sys


def import_torch() -> None:
    """Import torch with the garbage collector paused.

    The import creates some 270,000 objects that live until the process ends. Collections during the
    import take about 0.3 s and free nothing. Afterwards the objects are frozen (`gc.freeze`), so
    that later collections skip them too.
    """
    if "torch" in sys.modules:
        return
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        import torch  # noqa: F401
    finally:
        if was_enabled:
            gc.freeze()
            gc.enable()
