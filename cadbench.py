"""cadbench: the benchmark harness for continual anomaly detection.

    from cadbench import Method, Params, param

Names are loaded when first used, so importing this module, and `cadbench --help`, cost nothing.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from typing import Any

_PUBLIC = {
    "Block": "benchmark.method",
    "CadbenchError": "results.errors",
    "CellFacts": "benchmark.method",
    "DataError": "results.errors",
    "Entry": "benchmark.data.layout",
    "ExpertMemory": "benchmark.method",
    "MemoryReport": "benchmark.method",
    "Method": "benchmark.method",
    "MethodContext": "benchmark.method",
    "Params": "benchmark.params",
    "Prediction": "benchmark.method",
    "Reader": "benchmark.data.reader",
    "Record": "results.record",
    "Stream": "benchmark.stream",
    "TestBatch": "benchmark.method",
    "TrainExperience": "benchmark.method",
    "UsageError": "results.errors",
    "broken_mocks": "benchmark.conformance.broken_mocks",
    "check_method": "benchmark.conformance.report",
    "find_records": "results.store",
    "good_mocks": "benchmark.conformance.broken_mocks",
    "load_record": "results.record",
    "mock_stream": "benchmark.conformance.mock_stream",
    "open_dataset": "benchmark.data.sources",
    "param": "benchmark.params",
    "resolve_order": "benchmark.stream",
}

__all__ = [*_PUBLIC, "main"]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'cadbench' has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)


def main() -> None:
    """The command line."""
    # Threads that wait must sleep: spinning, they take the cores from the processes that decode
    # images, and a second run on the machine slows both down many times over.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Of compiled code's threads, one that has ended waits this long for another's interpreter.
    sys.setswitchinterval(0.001)
    from benchmark.cli.main import run

    code = run()
    # What is left goes with the process; to look for garbage in it first would take longer.
    gc.freeze()
    raise SystemExit(code)


if __name__ == "__main__":
    main()
