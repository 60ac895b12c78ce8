"""Checks of a method's state, memory, claims and use of shared blocks."""

from __future__ import annotations

import hashlib
import random
from typing import Any

import numpy as np
import torch

from ...results.counts import format_count
from ..interface.experience import TrainExperience
from ..interface.memory_block import Block
from ..interface.method import Method
from ..interface.prediction import MemoryReport
from ..services.coresets.service import Coresets
from ..system.serialization import flatten, pack, unpack
from .mock_stream import Services
from .playback import Failed, Skipped, Subject, check_claim, check_equal, find_difference

MEMORY_TOLERANCE = 0.1
"""Relative difference allowed between `stored_bytes` and the bytes of the state."""

_NUMBER = 8
"""Bytes of a number that is not in a tensor or array."""


def state(subject: Subject) -> None:
    """saving and loading the state after any experience changes nothing"""
    complete = subject.default_run
    for stop in range(1, len(complete) + 1):
        stopped = subject.build()
        for experience in _first_experiences(subject, stop):
            stopped.observe(experience)
        try:
            saved = pack(stopped.state_dict())
        except TypeError as error:
            raise Failed(f"the state cannot be saved: {error}") from error
        services = subject.stream.services()
        resumed = subject.build(services=services)
        resumed.load_state_dict(unpack(saved, subject.stream.features.device))
        loaded = f"a run resumed after {format_count(stop, 'experience')}"
        if found := find_difference(complete[stop - 1].predictions, subject.predict(resumed)):
            raise Failed(f"{found} ({loaded}, before the next experience)")
        if resumed.memory() != complete[stop - 1].memory:
            raise Failed(f"memory() differs ({loaded}, before the next experience)")
        rest = list(subject.continue_run(resumed, services, start=stop))
        try:
            check_equal(complete[stop:], rest, loaded)
        except Failed as failed:
            raise Failed(f"{failed}{_cure(subject, stopped)}") from failed


def memory(subject: Subject) -> None:
    """memory() agrees with the bytes of the state, within 10 %"""
    method = subject.build()
    seen: tuple[str, ...] = ()
    for experience in subject.stream.experiences(images=subject.kind.uses_images):
        method.observe(experience)
        seen = tuple(dict.fromkeys((*seen, *experience.categories)))
        report = method.memory()
        _check_report(report, seen)
        tensors, numbers = _state_bytes(method.state_dict())
        nbytes = tensors + numbers
        least = nbytes if numbers > MEMORY_TOLERANCE * nbytes else tensors
        if (
            not (1 - MEMORY_TOLERANCE) * least
            <= report.stored_bytes
            <= (1 + MEMORY_TOLERANCE) * nbytes
        ):
            outside = f" and numbers outside tensors {numbers}" if numbers else ""
            raise Failed(
                f"memory() says {report.stored_bytes} bytes are stored, the state's tensors have "
                f"{tensors}{outside} (after {', '.join(seen)}); equal tensors count once"
            )


def claims(subject: Subject) -> None:
    """scores of categories that observe does not return stay bit-identical"""
    if subject.routing != "oracle":
        raise Skipped("the method has no oracle routing: every category is scored again")
    claimed_all = True
    for schedule in ("1x*", "2x2"):  # both also fit two categories that return
        method = subject.build()
        seen: tuple[str, ...] = ()
        for experience in subject.stream.experiences(schedule, images=subject.kind.uses_images):
            before = subject.predict(method, seen) if seen else {}
            claimed = method.observe(experience)
            left: list[str] = []
            if claimed is not None:
                claimed_all = False
                check_claim(claimed, (*seen, *experience.categories))
                left = [category for category in seen if category not in claimed]
            now = subject.predict(method, left) if left else {}
            if found := find_difference({column: before[column] for column in now}, now):
                new = ", ".join(experience.categories)
                raise Failed(f"{found} after {new} was observed, though observe did not return it")
            seen = tuple(dict.fromkeys((*seen, *experience.categories)))
    if claimed_all:
        raise Skipped("observe returns None: every category is scored again")


def recurring(subject: Subject) -> None:
    """the rules also hold where categories return under changed conditions"""
    if not subject.kind.recurring:
        raise Skipped("the method cannot learn a category again: recurring = False")
    again = Subject(subject.kind, subject.params, subject.stream.returning())
    check_equal(again.default_run, again.run(), "a second run with the same seed")
    for check in (state, memory, claims):
        try:
            check(again)
        except Skipped:
            continue
        except Failed as failed:
            raise Failed(f"where categories return: {check.__name__}: {failed}") from failed


def shared(subject: Subject) -> None:
    """blocks from the services, which other runs share, are not modified"""
    device = subject.stream.features.device
    services = subject.stream.services()
    coresets = _RecordingCoresets(device)
    subject.run(services=Services(coresets, services.neighbors, services.events))
    if not coresets.selected:
        raise Skipped("the method uses no coresets of the services")
    if any(Block.of(block.vectors).digest != block.digest for block in coresets.selected):
        raise Failed("it modifies the vectors of a block that other runs share; copy them first")


def _cure(subject: Subject, method: Method) -> str:
    """Advice for a method whose random state is not part of its state; empty for others."""
    before = _drawn()
    subject.run()
    draws = _drawn() != before
    generators = (torch.Generator, np.random.Generator, random.Random)
    if not draws and not any(isinstance(each, generators) for each in vars(method).values()):
        return ""
    return (
        "; the state of its random generator is not saved: draw from context.rng(purpose, "
        "str(experience.index)), and in torch inside `with context.torch_rng(purpose, "
        "str(experience.index)):`, which need no state"
    )


def _drawn() -> tuple[object, ...]:
    """The states of the global generators."""
    numpy = str(np.random.get_state(legacy=False))  # noqa: NPY002
    return torch.get_rng_state().numpy().tobytes(), random.getstate(), numpy


def _first_experiences(subject: Subject, count: int) -> list[TrainExperience]:
    experiences = subject.stream.experiences(images=subject.kind.uses_images)
    return [experience for experience, _ in zip(experiences, range(count), strict=False)]


def _check_report(report: Any, seen: tuple[str, ...]) -> None:
    if not isinstance(report, MemoryReport):
        raise Failed(f"memory() returned a {type(report).__name__}, not a cadbench.MemoryReport")
    for part in (report, *report.experts):
        for unit in ("vectors", "bytes"):
            scoring, stored = getattr(part, f"scoring_{unit}"), getattr(part, f"stored_{unit}")
            if not (isinstance(scoring, int) and isinstance(stored, int) and scoring >= 0):
                raise Failed(f"memory() reports {unit} that are not whole numbers from 0")
            if scoring > stored:
                raise Failed(f"memory() reports {scoring} scoring {unit} but {stored} stored ones")
    strange = {c for expert in report.experts for c in expert.categories} - set(seen)
    if strange:
        names = ", ".join(sorted(strange))
        raise Failed(f"memory() has experts of {names}, which have not appeared yet")


def _state_bytes(state: Any) -> tuple[int, int]:
    """Bytes of all tensors and arrays in a state, equal ones once, and of other numbers."""
    try:
        tree, tensors = flatten(state)
    except TypeError as error:
        raise Failed(f"the state cannot be saved: {error}") from error
    distinct = {_digest(tensor): tensor.nbytes for tensor in tensors if tensor.numel()}
    return sum(distinct.values()), _NUMBER * (_count_numbers(tree) - len(tensors))


def _count_numbers(tree: Any) -> int:
    """The numbers in a tree of lists and dicts; the place of each tensor is a number too."""
    if isinstance(tree, dict):
        return sum(map(_count_numbers, tree.values()))
    if isinstance(tree, list):
        return sum(map(_count_numbers, tree))
    return int(isinstance(tree, int | float) and not isinstance(tree, bool))


def _digest(tensor: torch.Tensor) -> str:
    content = f"{tensor.dtype} {tuple(tensor.shape)}".encode()
    values = tensor.cpu().view(-1).view(torch.uint8).numpy()
    return hashlib.sha256(content + values.tobytes()).hexdigest()


class _RecordingCoresets(Coresets):
    """A coreset service that remembers the blocks it returned."""

    def __init__(self, device: torch.device) -> None:
        super().__init__(device)
        self.selected: list[Block] = []

    def select(self, *args: Any, **kwargs: Any) -> Block:
        return self._remember(super().select(*args, **kwargs))

    def gather(self, *args: Any, **kwargs: Any) -> Block:
        return self._remember(super().gather(*args, **kwargs))

    def _remember(self, block: Block) -> Block:
        self.selected.append(block)
        return block
