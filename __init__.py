"""cadbench: the benchmark harness for continual anomaly detection.

    from cadbench import Method, Params, param

Every public name is listed in `__all__` and is loaded on first use (PEP 562), so that
`import cadbench` and `cadbench --help` import neither torch nor pandas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .benchmark.auditing.audit import Audit as Audit
    from .benchmark.auditing.audit import audit as audit
    from .benchmark.conformance.broken_mocks import broken_mocks as broken_mocks
    from .benchmark.conformance.broken_mocks import good_mocks as good_mocks
    from .benchmark.conformance.mock_stream import mock_stream as mock_stream
    from .benchmark.conformance.report import check_method as check_method
    from .benchmark.data.entries import Entry as Entry
    from .benchmark.data.opening.open_dataset import open_dataset as open_dataset
    from .benchmark.data.reader import Reader as Reader
    from .benchmark.finished.results import Results as Results
    from .benchmark.finished.results import load as load
    from .benchmark.interface.context import MethodContext as MethodContext
    from .benchmark.interface.experience import TestBatch as TestBatch
    from .benchmark.interface.experience import TrainExperience as TrainExperience
    from .benchmark.interface.memory_block import Block as Block
    from .benchmark.interface.method import CellFacts as CellFacts
    from .benchmark.interface.method import Method as Method
    from .benchmark.interface.params import Params as Params
    from .benchmark.interface.params import param as param
    from .benchmark.interface.prediction import ExpertMemory as ExpertMemory
    from .benchmark.interface.prediction import MemoryReport as MemoryReport
    from .benchmark.interface.prediction import Prediction as Prediction
    from .benchmark.running.callbacks import Callback as Callback
    from .benchmark.running.callbacks import ExperienceResult as ExperienceResult
    from .benchmark.running.callbacks import TensorBoard as TensorBoard
    from .benchmark.scoring.score import score as score
    from .benchmark.streams.orders import resolve_order as resolve_order
    from .benchmark.streams.stream import Stream as Stream
    from .benchmark.study.study import Study as Study
    from .results import metrics as metrics
    from .results.errors import CadbenchError as CadbenchError
    from .results.errors import DataError as DataError
    from .results.errors import UsageError as UsageError
    from .results.records.record import Record as Record
    from .results.records.record import load_record as load_record
    from .results.records.store import find_records as find_records
    from .results.rendering.table import Table as Table

    __version__: str

_MODULES = {
    "Audit": "benchmark.auditing.audit",
    "Block": "benchmark.interface.memory_block",
    "CadbenchError": "results.errors",
    "Callback": "benchmark.running.callbacks",
    "CellFacts": "benchmark.interface.method",
    "DataError": "results.errors",
    "Entry": "benchmark.data.entries",
    "ExperienceResult": "benchmark.running.callbacks",
    "ExpertMemory": "benchmark.interface.prediction",
    "MemoryReport": "benchmark.interface.prediction",
    "Method": "benchmark.interface.method",
    "MethodContext": "benchmark.interface.context",
    "Params": "benchmark.interface.params",
    "Prediction": "benchmark.interface.prediction",
    "Reader": "benchmark.data.reader",
    "Record": "results.records.record",
    "Results": "benchmark.finished.results",
    "Stream": "benchmark.streams.stream",
    "Study": "benchmark.study.study",
    "Table": "results.rendering.table",
    "TensorBoard": "benchmark.running.callbacks",
    "TestBatch": "benchmark.interface.experience",
    "TrainExperience": "benchmark.interface.experience",
    "UsageError": "results.errors",
    "audit": "benchmark.auditing.audit",
    "broken_mocks": "benchmark.conformance.broken_mocks",
    "check_method": "benchmark.conformance.report",
    "find_records": "results.records.store",
    "good_mocks": "benchmark.conformance.broken_mocks",
    "load": "benchmark.finished.results",
    "load_record": "results.records.record",
    "metrics": "results",
    "mock_stream": "benchmark.conformance.mock_stream",
    "open_dataset": "benchmark.data.opening.open_dataset",
    "param": "benchmark.interface.params",
    "resolve_order": "benchmark.streams.orders",
    "score": "benchmark.scoring.score",
}
"""Public name -> the module, below this package, that defines it."""

__all__ = [*_MODULES, "__version__"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("cadbench")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module = f".{_MODULES[name]}"
    value = getattr(import_module(module, __name__), name, None)
    if value is None:  # the name of a module, such as `metrics`
        value = import_module(f"{module}.{name}", __name__)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
