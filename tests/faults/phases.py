"""Where a run is: named phases that a fault can wait for, and a ledger of what was finished.

`watch` wraps the program's own functions; without a listener a wrapped one behaves as before.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

Listener = Callable[[], AbstractContextManager[None]]

PHASES = ("images", "extract", "masks", "observe", "score", "checkpoint", "record", "import")

_listeners: dict[str, list[Listener]] = {phase: [] for phase in PHASES}
_ledger: int | None = None


def listen(phase: str, listener: Listener) -> None:
    """Enter the listener's context whenever the phase is entered."""
    _listeners[phase].append(listener)


def keep_ledger(path: str) -> None:
    """Note in this file, with one write a line, what is begun and what is finished."""
    global _ledger
    _ledger = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def redone(ledger: str) -> list[str]:
    """What was begun again though it had been finished."""
    finished: set[str] = set()
    found = []
    for line in ledger.splitlines():
        word, _, name = line.partition(" ")
        if word == "finished":
            finished.add(name)
        elif name in finished:
            found.append(name)
    return found


@contextlib.contextmanager
def phase(name: str) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for listener in _listeners[name]:
            stack.enter_context(listener())
        yield


def watch() -> None:
    """Wrap the functions of a run that make up the phases or finish something."""
    from cadbench.benchmark.data import manifest
    from cadbench.benchmark.features import feature_set
    from cadbench.benchmark.features.cache import shards
    from cadbench.benchmark.pixels import truth
    from cadbench.benchmark.running import checkpoint, recording, runner
    from cadbench.benchmark.running.evaluation import evaluator
    from cadbench.mecad.method import Mecad
    from cadbench.methods.banks.finetune import FineTune
    from cadbench.methods.banks.patchcore import PatchCore

    from tests.faults.image_method import ImageMethod

    _wrap(manifest, "inspect_images", "images")
    _wrap(feature_set, "fill_store", "extract")
    _wrap(truth, "load_truths", "masks")
    _wrap(evaluator, "score_columns", "score")
    _wrap(recording, "record", "record", lambda cell, *_: f"record {cell.key}")
    _wrap(
        checkpoint.Checkpoint,
        "save",
        "checkpoint",
        lambda self, progress: f"step {self.key} {progress.steps[-1].experience}",
    )
    _wrap(shards.ShardStore, "write", None, lambda self, shard, _: f"shard {self.path(shard)}")
    for method in (FineTune, ImageMethod, PatchCore, Mecad):
        if "observe" in vars(method):
            _wrap(method, "observe", "observe")
    runner.CHECKPOINT_SECONDS = 0  # so that a kill costs no finished experience, as rows count


def _wrap(
    owner: Any, name: str, within: str | None, called: Callable[..., str] | None = None
) -> None:
    function = getattr(owner, name)

    @functools.wraps(function)
    def wrapped(*words: Any, **options: Any) -> Any:
        entry = called(*words) if called else None
        _note("begun", entry)
        with phase(within) if within else contextlib.nullcontext():
            result = function(*words, **options)
        _note("finished", entry)
        return result

    setattr(owner, name, wrapped)


def _note(word: str, entry: str | None) -> None:
    if entry and _ledger is not None:
        os.write(_ledger, f"{word} {entry}\n".encode())
