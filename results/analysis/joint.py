"""Joint references: which runs are one, and which one `gap_to_joint` of a run is measured against.

A joint run trains the same detector on all categories at once. It is a reference and never ranked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..records.record import Record
from ..records.schema import features_key
from .rows import Row, version_order

JOINT = "joint"
"""The joint run of memory banks: the method, the strategy in `detector+strategy`, and the value of
the parameter `regime` of methods that have one."""

_REGIME = "regime"

_WITHOUT_JOINT = ("dne", "dne_finetuned", "ocsvm", "padim", "padim_per_category")
"""Detectors that are no memory bank and have no joint training here. Those of plugins count as
memory banks if their name names no strategy."""


@dataclass(frozen=True)
class Reference:
    """The joint run that a method is measured against.

    Attributes:
        method: its name.
        regime: whether it is the method with `regime=joint`.
    """

    method: str
    regime: bool = False

    @property
    def label(self) -> str:
        return f"{self.method} {_REGIME}={JOINT}" if self.regime else self.method


def reference_of(method: str, params: Mapping[str, object]) -> Reference | None:
    """Return the joint reference of a method; None if there is none of its detector."""
    detector, plus, _ = method.rpartition("+")
    if plus:
        return Reference(f"{detector}+{JOINT}")
    if _REGIME in params:
        return Reference(method, regime=True)
    return None if method in _WITHOUT_JOINT else Reference(JOINT)


def is_joint(method: str, params: Mapping[str, object]) -> bool:
    """Whether a method with these parameters is a joint reference."""
    reference = reference_of(method, params)
    if reference is None or reference.method != method:
        return False
    return not reference.regime or params[_REGIME] == JOINT


def is_reference(row: Row) -> bool:
    """Whether a row is a joint reference, which is not ranked."""
    return is_joint(row.first.method, row.first.params)


class JointRuns:
    """The joint runs among rows, by what a run and its joint run must share."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._found: dict[tuple[object, ...], list[Record]] = {}
        for row in rows:
            if is_reference(row):
                for record in row.records:
                    self._found.setdefault(_conditions(row, record), []).append(record)

    def of(self, row: Row, record: Record) -> Record | None:
        """Return the joint run of a run; None if there is none, or no single one.

        Of several configurations, the one of the latest version counts whose parameters equal
        those of the run where both have them, which are the same detector and capacity.
        """
        found = self._candidates(row, record)
        if len(found) <= 1:
            return next(iter(found), None)
        likeness = {
            joint.key: _likeness(joint.params, record.params)
            for joint in found
            if not differing(joint.params, record.params)
        }
        most = max(likeness.values(), default=(0, 0))
        best = [joint for joint in found if likeness.get(joint.key) == most]
        return best[0] if len(best) == 1 else None

    def is_ambiguous(self, row: Row) -> bool:
        """Whether runs of a row have several joint runs, none of which is theirs."""
        return any(
            self._candidates(row, record) and self.of(row, record) is None for record in row.records
        )

    def _candidates(self, row: Row, record: Record) -> Sequence[Record]:
        found = self._found.get(_conditions(row, record), [])
        latest = max(map(version_order, found), default=None)
        return [joint for joint in found if version_order(joint) == latest]


def differing(joint: Mapping[str, object], params: Mapping[str, object]) -> list[str]:
    """Name the parameters that a run and its joint run both have, with different values."""
    names = joint.keys() & params.keys() - {_REGIME}
    return sorted(name for name in names if joint[name] != params[name])


def _likeness(joint: Mapping[str, object], params: Mapping[str, object]) -> tuple[int, int]:
    """More parameters in common, then fewer of its own: those at their defaults may be left out."""
    return len(joint.keys() & params.keys()), -len(joint.keys() - params.keys())


def _conditions(row: Row, record: Record) -> tuple[object, ...]:
    """The values that a run and its joint run must share."""
    order = tuple(record.cell["order"]["categories"])
    reference = reference_of(record.method, record.params)
    return *row.data, order, record.seed, features_key(record.cell), reference
