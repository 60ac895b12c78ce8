"""Checks of predictions: shapes, determinism, independence of batches and order."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from ..interface.method import Method
from .playback import ROUNDING, Failed, Skipped, Subject, check_equal, find_difference

SCHEDULES = ("2x2", "4x1", "3-1", "1-3")
"""Schedules of the four categories of the stream."""

_VARIATIONS = ((1, 1), (7, 2), (64, 3))
"""(batch size, seed of the order) with which the same images are predicted again."""


def predictions(subject: Subject) -> None:
    """finite scores (B,), maps (B, h, w), routes (B,), for seen, new and later categories"""
    if len(subject.default_run) != len(subject.stream.categories):
        raise Failed("the run ended early")


def determinism(subject: Subject) -> None:
    """two runs with one seed are bit-identical, with unused services and with used ones"""
    services = subject.stream.services()
    with global_state(1):
        one = subject.run(services=services)
    with global_state(2):
        other = subject.with_other_ids().run()
        check_equal(one, other, "a second run with the same seed and other image ids")
        services.events.clear()
        again = subject.run(services=services)
    check_equal(one, again, "a second run that shares services with the first")


def random_state(subject: Subject) -> None:
    """no global state changes: random, NumPy, torch's generators, threads, defaults"""
    _ = subject.default_run  # a library may draw random numbers on its first import
    services = subject.stream.services()
    method = _check_untouched("__init__", lambda: subject.build(services=services))
    for experience in subject.stream.experiences(images=subject.kind.uses_images):
        _check_untouched("observe", lambda e=experience: method.observe(e))  # type: ignore[misc]
    _check_untouched("score", lambda: subject.predict(method))
    state = _check_untouched("state_dict", method.state_dict)
    fresh = subject.build()
    _check_untouched("load_state_dict", lambda: fresh.load_state_dict(state))


def test_order(subject: Subject) -> None:
    """a score depends on the image alone: not on batch size, order or images scored before"""
    method = subject.build()
    for experience in subject.stream.experiences(images=subject.kind.uses_images):
        method.observe(experience)
    _check_independence(subject, method)


def schedules(subject: Subject) -> None:
    """all categories of an experience are learned, whatever the schedule"""
    for schedule in SCHEDULES:
        try:
            subject.run(schedule)
        except Failed as failed:
            raise Failed(f"schedule {schedule}: {failed}") from failed


def inferred(subject: Subject) -> None:
    """the same under inferred routing, in batches of mixed categories"""
    if "inferred" not in subject.kind.routings:
        raise Skipped(f"the method has no inferred routing: routings = {subject.kind.routings!r}")
    with global_state(1):
        one = subject.run(routing="inferred")
    with global_state(2):
        other = subject.with_other_ids().run(routing="inferred")
    check_equal(one, other, "a second run with the same seed and other image ids")
    method = subject.build("inferred")
    for experience in subject.stream.experiences(images=subject.kind.uses_images):
        method.observe(experience)
    _check_independence(subject, method)


test_order.__test__ = False  # type: ignore[attr-defined]  # a check, not a case for pytest


def _check_independence(subject: Subject, method: Method) -> None:
    """Raise `Failed` if a prediction depends on batch size, order or repetition."""
    usual = subject.predict(method)
    backwards = subject.stream.categories[::-1]
    for size, seed in _VARIATIONS:
        method.context.neighbors.forget()
        again = subject.predict(method, backwards, size=size, seed=seed)
        if found := find_difference(usual, again, rounding=ROUNDING):
            raise Failed(f"{found} in batches of {size} in another order")
    method.context.neighbors.forget()
    if found := find_difference(usual, subject.predict(method)):
        raise Failed(f"{found} when the same images are scored again: scoring changes the method")


def _check_untouched(call: str, work: Callable[[], Any]) -> Any:
    """Call a function of the method; raise `Failed` if it changes a global state.

    Args:
        call: name of the function, for the message.
        work: calls it.

    Returns:
        What `work` returned.
    """
    with global_state(3):  # a state that the method has not left itself
        before = _global_states()
        result = work()
        after = _global_states()
    changed = [name for name in before if before[name] != after[name]]
    if changed:
        raise Failed(
            f"{call} changes {', '.join(changed)}; draw from context.rng(purpose, name), and in "
            "torch inside `with context.torch_rng(purpose, name):`"
        )
    return result


def _global_states() -> dict[str, Any]:
    states: dict[str, Any] = {
        "the state of random": random.getstate(),
        "the state of numpy.random": str(np.random.get_state(legacy=False)),  # noqa: NPY002
        "torch's generator": torch.get_rng_state().numpy().tobytes(),
        "torch's default dtype": torch.get_default_dtype(),
        "torch's threads": torch.get_num_threads(),
        "torch's gradient mode": torch.is_grad_enabled(),
        "torch's deterministic mode": torch.are_deterministic_algorithms_enabled(),
    }
    if torch.cuda.is_available():
        cuda = [state.numpy().tobytes() for state in torch.cuda.get_rng_state_all()]
        states["torch's CUDA generators"] = cuda
    return states


@contextlib.contextmanager
def global_state(seed: int) -> Iterator[None]:
    """Seed all global generators and use one thread; restore everything afterwards.

    A mock stream is too small to gain from more threads.
    """
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    threads = torch.get_num_threads()
    with torch.random.fork_rng():
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        try:
            yield
        finally:
            random.setstate(python)
            torch.set_num_threads(threads)
            np.random.set_state(numpy)  # noqa: NPY002
