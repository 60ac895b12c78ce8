"""Checks of a method's state, memory, claims and use of shared blocks."""

from __future__ import annotations

import hashlib
from typing import Any

import torch

from ...results.counts import format_count
from ..interface.experience import TrainExperience
from ..interface.memory_block import Block
from ..interface.prediction import MemoryReport
from ..services.coresets.service import Coresets
from ..system.serialization import flatten, pack, unpack
from .mock_stream import Services
from .playback import Failed, Skipped, Subject, check_claim, check_equal, find_difference

MEMORY_TOLERANCE = 0.1
"""Relative difference allowed between `stored_bytes` and the state's tensors, plus 1 KB."""

_SLACK = 1024


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
        check_equal(complete[stop:], rest, loaded)


def memory(subject: Subject) -> None:
    """memory() agrees with the size of the state's tensors, within 10 % and 1 KB"""
    method = subject.build()
    seen: tuple[str, ...] = ()
    for experience in subject.stream.experiences(images=subject.kind.uses_images):
        method.observe(experience)
        seen = tuple(dict.fromkeys((*seen, *experience.categories)))
        report = method.memory()
        _check_report(report, seen)
        nbytes = _tensor_bytes(method.state_dict())
        if abs(report.stored_bytes - nbytes) > _SLACK + MEMORY_TOLERANCE * nbytes:
            raise Failed(
                f"memory() says {report.stored_bytes} bytes are stored, the state's tensors have "
                f"{nbytes} (after {', '.join(seen)}); equal ones count once"
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


def _tensor_bytes(state: Any) -> int:
    """Bytes of all tensors and arrays in a state; equal ones count once."""
    try:
        _, tensors = flatten(state)
    except TypeError as error:
        raise Failed(f"the state cannot be saved: {error}") from error
    distinct = {_digest(tensor): tensor.nbytes for tensor in tensors if tensor.numel()}
    return sum(distinct.values())


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
