"""Checks of what a method answers: shapes, determinism, independence of how it is asked."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from ..interface.method import Method
from .playback import ROUNDING, Failed, Skipped, Subject, difference, refuse_difference

SCHEDULES = ("2x2", "4x1", "3-1", "1-3")
"""Of the four categories that the kit's stream has."""

_ASKED = ((1, 1), (7, 2), (64, 3))
"""Batch sizes and seeds of the order in which a method is asked again."""


def predictions(subject: Subject) -> None:
    """finite scores (B,), maps (B, h, w), routes (B,), for categories seen, new and to come"""
    if len(subject.plain) != len(subject.stream.categories):
        raise Failed("a run did not come to its end")


def determinism(subject: Subject) -> None:
    """two runs with one seed are equal in every bit, with services new or used before"""
    services = subject.stream.services()
    with global_state_of(1):
        one = subject.play(services=services)
    with global_state_of(2):
        refuse_difference(one, subject.play(), "a second run with the same seed")
        services.events.clear()
        again = subject.play(services=services)
    refuse_difference(one, again, "a second run that shares services with the first")


def random_state(subject: Subject) -> None:
    """no global state is touched: random, NumPy, torch's generators, threads, defaults"""
    _ = subject.plain  # what a library draws when it is first imported is not the method's doing
    services = subject.stream.services()
    method = _untouched("__init__", lambda: subject.build(services=services))
    for experience in subject.stream.experiences(images=subject.kind.uses_images):
        _untouched("observe", lambda shown=experience: method.observe(shown))  # type: ignore[misc]
    _untouched("score", lambda: subject.answers(method))
    state = _untouched("state_dict", method.state_dict)
    fresh = subject.build()
    _untouched("load_state_dict", lambda: fresh.load_state_dict(state))


def test_order(subject: Subject) -> None:
    """a score depends on the image alone: not on batch size, order or images scored before"""
    method = subject.build()
    for experience in subject.stream.experiences(images=subject.kind.uses_images):
        method.observe(experience)
    _refuse_dependence(subject, method)


def schedules(subject: Subject) -> None:
    """experiences of several categories are learned whole, however the stream is cut"""
    for schedule in SCHEDULES:
        try:
            subject.play(schedule)
        except Failed as failed:
            raise Failed(f"schedule {schedule}: {failed}") from failed


def inferred(subject: Subject) -> None:
    """the same without being told a category, in batches of mixed categories"""
    if "inferred" not in subject.kind.routings:
        raise Skipped(f"the method has no inferred routing: routings = {subject.kind.routings!r}")
    with global_state_of(1):
        one = subject.play(routing="inferred")
    with global_state_of(2):
        other = subject.play(routing="inferred")
    refuse_difference(one, other, "a second run with the same seed")
    method = subject.build("inferred")
    for experience in subject.stream.experiences(images=subject.kind.uses_images):
        method.observe(experience)
    _refuse_dependence(subject, method)


test_order.__test__ = False  # type: ignore[attr-defined]  # a check, not a case for pytest


def _refuse_dependence(subject: Subject, method: Method) -> None:
    """`Failed` where the answers change with how the method is asked."""
    usual = subject.answers(method)
    backwards = subject.stream.categories[::-1]
    for size, seed in _ASKED:
        method.context.neighbors.forget()
        asked = subject.answers(method, backwards, size=size, seed=seed)
        if found := difference(usual, asked, rounding=ROUNDING):
            raise Failed(f"{found} when asked in batches of {size}, in another order")
    method.context.neighbors.forget()
    if found := difference(usual, subject.answers(method)):
        raise Failed(f"{found} when asked the same again: scoring changes the method")


def _untouched(call: str, work: Callable[[], Any]) -> Any:
    """What `work` returns; `Failed` where a global state is another one afterwards."""
    with global_state_of(3):  # not one that the method itself may have left before
        before = _global_states()
        answer = work()
        after = _global_states()
    changed = [name for name in before if before[name] != after[name]]
    if changed:
        raise Failed(
            f"{call} changes {', '.join(changed)}; draw from context.rng(purpose), and in torch "
            "from a torch.Generator of your own"
        )
    return answer


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
        held = [state.numpy().tobytes() for state in torch.cuda.get_rng_state_all()]
        states["torch's CUDA generators"] = held
    return states


@contextlib.contextmanager
def global_state_of(seed: int) -> Iterator[None]:
    """Global generators as some other process might have them, and afterwards as they were.

    On one thread: a mock stream is too small for more, which would only wait for one another.
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
