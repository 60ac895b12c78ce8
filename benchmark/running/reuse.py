"""Which existing records can be used instead of computing a cell again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...results.errors import RecordError
from ...results.records.record import RUN_FILE, Record, load_record
from ...results.records.store import partial_dir, publish
from .cell import Cell
from .evaluation.evaluator import Maps

_MAPS: tuple[Maps, ...] = ("none", "final", "all")
"""Each includes those before it."""


@dataclass(frozen=True)
class Requirements:
    """What a record must have to be reused.

    Attributes:
        maps: the anomaly maps it must keep, or more.
        timed: whether it must have timings.
        state: whether it must have the final state of the method.
    """

    maps: Maps
    timed: bool
    state: bool = False

    def met_by(self, record: Record, cell: Cell) -> bool:
        """Whether the record is of exactly this cell and has what is required."""
        return (
            record.key == cell.key
            and record.run["maps"] in _MAPS[_MAPS.index(self.maps) :]
            and ("timing" in record.run or not self.timed)
            and (record.has_state or not self.state)
        )


def find_record(folder: Path, cell: Cell, requirements: Requirements) -> Record | None:
    """Find the record of a cell in its final folder; None if none meets the requirements.

    Raises:
        RecordError: the record is damaged.
    """
    if not folder.exists():
        return None
    try:
        found = load_record(folder, verify=True)
    except RecordError as error:
        raise RecordError(
            f"the existing record is damaged: {error}; delete {folder} or pass --overwrite"
        ) from None
    return found if requirements.met_by(found, cell) else None


def publish_finished(folder: Path, cell: Cell, requirements: Requirements) -> Record | None:
    """Publish a record that a killed process had finished but not moved to its final folder."""
    partial = partial_dir(folder)
    if not (partial / RUN_FILE).exists():
        return None
    try:
        found = load_record(partial, verify=True)
    except RecordError:
        return None
    return publish(partial, folder) if requirements.met_by(found, cell) else None
