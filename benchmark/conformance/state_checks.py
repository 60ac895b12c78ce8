"""Checks of what a method keeps: its state, its memory, its claims, what it shares with others."""

from __future__ import annotations

import hashlib
from typing import Any

import torch

from ..interface.block import Block
from ..interface.experience import TrainExperience
from ..interface.prediction import MemoryReport
from ..services.coresets.service import Coresets
from ..system.serialization import flatten, pack, unpack
from .mock_stream import Services
from .playback import Failed, Skipped, Subject, difference, refuse_claim, refuse_difference

MEMORY_TOLERANCE = 0.1
"""Share by which `stored_bytes` may differ from the bytes of the state's tensors, beside 1 KB."""

_SLACK = 1024


def state(subject: Subject) -> None:
    """observe, save, load, observe is the same as observe, observe, after every experience"""
    whole = subject.plain
    for stop in range(1, len(whole) + 1):
        begun = subject.build()
        for experience in _first(subject, stop):
            begun.observe(experience)
        try:
            saved = pack(begun.state_dict())
        except TypeError as error:
            raise Failed(f"the state cannot be saved: {error}") from error
        services = subject.stream.services()
        resumed = subject.build(services=services)
        resumed.load_state_dict(unpack(saved, subject.stream.features.device))
        loaded = f"a run resumed after {stop} experience(s)"
        if found := difference(whole[stop - 1].answers, subject.answers(resumed)):
            raise Failed(f"{found} ({loaded}, before it goes on)")
        if resumed.memory() != whole[stop - 1].memory:
            raise Failed(f"memory() differs ({loaded}, before it goes on)")
        rest = list(subject.go_on(resumed, services, start=stop))
        refuse_difference(whole[stop:], rest, loaded)


def memory(subject: Subject) -> None:
    """memory() agrees with the bytes of the state's tensors, within 10 % and 1 KB"""
    method = subject.build()
    seen: tuple[str, ...] = ()
    for experience in subject.stream.experiences(images=subject.kind.uses_images):
        method.observe(experience)
        seen = tuple(dict.fromkeys((*seen, *experience.categories)))
        report = method.memory()
        _refuse_inconsistent(report, seen)
        held = _tensor_bytes(method.state_dict())
        if abs(report.stored_bytes - held) > _SLACK + MEMORY_TOLERANCE * held:
            raise Failed(
                f"memory() says {report.stored_bytes} bytes are stored, the state's tensors have "
                f"{held} (after {', '.join(seen)}); equal ones count once"
            )


def claims(subject: Subject) -> None:
    """scores of categories that observe does not claim stay what they were, to the bit"""
    if subject.routing != "oracle":
        raise Skipped("the method has no oracle routing: every category is scored again")
    claimed_all = True
    for schedule in ("1x*", "2x2"):  # both suit two categories that return, too
        method = subject.build()
        seen: tuple[str, ...] = ()
        for experience in subject.stream.experiences(schedule, images=subject.kind.uses_images):
            before = subject.answers(method, seen) if seen else {}
            claimed = method.observe(experience)
            left: list[str] = []
            if claimed is not None:
                claimed_all = False
                refuse_claim(claimed, (*seen, *experience.categories))
                left = [category for category in seen if category not in claimed]
            now = subject.answers(method, left) if left else {}
            if found := difference({column: before[column] for column in now}, now):
                new = ", ".join(experience.categories)
                raise Failed(f"{found} after {new} was observed, and observe did not claim it")
            seen = tuple(dict.fromkeys((*seen, *experience.categories)))
    if claimed_all:
        raise Skipped("observe returns None: every category is scored again")


def recurring(subject: Subject) -> None:
    """categories that return under changed conditions are learned again by the same rules"""
    if not subject.kind.recurring:
        raise Skipped("the method learns no category again: recurring = False")
    again = Subject(subject.kind, subject.params, subject.stream.returning())
    refuse_difference(again.plain, again.play(), "a second run with the same seed")
    for check in (state, memory, claims):
        try:
            check(again)
        except Skipped:
            continue
        except Failed as failed:
            raise Failed(f"where categories return: {check.__name__}: {failed}") from failed


def shared(subject: Subject) -> None:
    """what the services gave, which other runs use too, is not written to"""
    device = subject.stream.features.device
    services = subject.stream.services()
    watched = _Watched(device)
    subject.play(services=Services(watched, services.neighbors, services.events))
    if not watched.given:
        raise Skipped("the method uses no coresets of the services")
    if any(Block.of(block.vectors).digest != block.digest for block in watched.given):
        raise Failed("it writes to the vectors of a block, which other runs share; copy them first")


def _first(subject: Subject, count: int) -> list[TrainExperience]:
    shown = subject.stream.experiences(images=subject.kind.uses_images)
    return [experience for experience, _ in zip(shown, range(count), strict=False)]


def _refuse_inconsistent(report: Any, seen: tuple[str, ...]) -> None:
    if not isinstance(report, MemoryReport):
        raise Failed(f"memory() returned a {type(report).__name__}, not a cadbench.MemoryReport")
    for part in (report, *report.experts):
        for unit in ("vectors", "bytes"):
            scoring, stored = getattr(part, f"scoring_{unit}"), getattr(part, f"stored_{unit}")
            if not (isinstance(scoring, int) and isinstance(stored, int) and scoring >= 0):
                raise Failed(f"memory() reports {unit} that are no whole numbers from 0")
            if scoring > stored:
                raise Failed(f"memory() reports {scoring} scoring {unit}, but {stored} stored")
    strange = {c for expert in report.experts for c in expert.categories} - set(seen)
    if strange:
        raise Failed(f"memory() has experts of {', '.join(sorted(strange))}, not shown yet")


def _tensor_bytes(state: Any) -> int:
    """Bytes of all tensors and arrays in a state, those of equal content counted once."""
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


class _Watched(Coresets):
    """Coresets that remember the blocks they gave."""

    def __init__(self, device: torch.device) -> None:
        super().__init__(device)
        self.given: list[Block] = []

    def select(self, *args: Any, **kwargs: Any) -> Block:
        return self._noted(super().select(*args, **kwargs))

    def gather(self, *args: Any, **kwargs: Any) -> Block:
        return self._noted(super().gather(*args, **kwargs))

    def _noted(self, block: Block) -> Block:
        self.given.append(block)
        return block
