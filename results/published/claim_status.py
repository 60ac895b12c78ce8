"""The status of a claim: reproduced, different, not run here, or not comparable, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..analysis.rows import experts_of
from ..counts import format_count
from ..records.record import Record
from .claims import Claim
from .reproductions import Reproduction, on_stream
from .rows import PublishedRow, covers_dataset

TOLERANCE = 0.01
"""Allowed between ours and a claim, besides two deviations of ours."""

REPRODUCED = "reproduced"
DIFFERS = "differs"
NOT_RUN = "not run here"
_NOT_COMPARABLE = "not comparable: "

STATUS_NOTE = (
    f"status: reproduced = ours is within {TOLERANCE:g} of the claim (of the number of others if "
    "there is no claim), or within two of our deviations; differs = it is not"
)


class Status(NamedTuple):
    """A word and the reason."""

    word: str
    reason: str


def status_of(claim: Claim, records: Sequence[Record], found: Reproduction | None) -> Status:
    """Return the status of a claim.

    Args:
        claim: the claim.
        records: all records, which tell why there is no number of ours.
        found: our number for it, if there is one.
    """
    row = claim.first
    if row.leakage:
        return Status(f"{_NOT_COMPARABLE}leakage", row.why)
    if row.unreliable:
        return Status(f"{_NOT_COMPARABLE}unreliable", row.why)
    if claim.quantity is None:
        return Status(
            f"{_NOT_COMPARABLE}definition", f"{row.acc_definition}: no metric of cadbench"
        )
    if not covers_dataset(row):
        return Status(
            f"{_NOT_COMPARABLE}protocol", "the source does not name the categories of its stream"
        )
    if not row.ours:
        return Status(NOT_RUN, "no built-in method implements it")
    if found is None:
        return _why_none(row, records)
    if found.untrained:
        return Status(f"{_NOT_COMPARABLE}backbone", "ours is an untrained backbone")
    if row.backbone and row.backbone != found.backbone:
        return Status(
            f"{_NOT_COMPARABLE}backbone", f"ours is {found.backbone}, theirs {row.backbone}"
        )
    return _compare(row, found)


def _compare(row: PublishedRow, found: Reproduction) -> Status:
    difference = found.value.mean - (row.value or 0.0)
    spread = found.value.deviation if found.value.n > 1 else 0.0
    unstated = [
        name
        for name, value in (("backbone", row.backbone), ("routing", row.routing))
        if value in ("", "not stated")
    ]
    records = found.row.records
    which = format_count(len(records), "record")
    reason = f"ours minus theirs is {difference:+.3f} ({which}, first {records[0].key[:8]})"
    if unstated:
        reason += f"; the source does not state the {' and the '.join(unstated)}"
    agrees = abs(difference) <= max(TOLERANCE, 2 * spread)
    return Status(REPRODUCED if agrees else DIFFERS, reason)


def _why_none(row: PublishedRow, records: Sequence[Record]) -> Status:
    """Say what is missing: the runs, their routing, the number of experts, or categories."""
    of_method = [record for record in on_stream(records, row) if record.method == row.ours]
    if not of_method:
        command = f"cadbench run --dataset {row.dataset} --method {row.ours}"
        return Status(NOT_RUN, f"no record of it; `{command}` makes one")
    routings = {record.routing for record in of_method}
    if row.routing != "not stated" and row.routing not in routings:
        return Status(
            f"{_NOT_COMPARABLE}protocol", f"our routing is {' and '.join(sorted(routings))} only"
        )
    if row.experts is not None and row.experts not in map(experts_of, of_method):
        return Status(NOT_RUN, "no record with this number of experts")
    return Status(NOT_RUN, f"our records lack {row.metric} of some category")
