"""The command line: `cadbench ...` and `python -m cadbench ...`."""

from __future__ import annotations

import gc
import os
import sys


def main() -> None:
    """Run the command line and exit with its code."""
    from .benchmark.cli.streams import protect_streams

    protect_streams()
    # Waiting OpenMP threads must sleep. Spinning threads take the cores away from the processes
    # that decode images, and make two runs on one machine many times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Compiled code releases the interpreter lock; a thread that returns from it waits at most
    # this many seconds for another thread's lock.
    sys.setswitchinterval(0.001)
    from .benchmark.cli.main import run

    code = run(own_process=True)
    # Skip the garbage collection at exit: the process ends anyway.
    gc.freeze()
    raise SystemExit(code)


if __name__ == "__main__":
    main()
