"""Our number for a claim: from records of the same stream, routing and definition only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..analysis.quantities import Reading, quantity, stored_matrix
from ..analysis.repetitions import spread_over_runs
from ..analysis.rows import Defaults, Row, experts_of, rows_of
from ..metrics.registry import split_name
from ..records.record import Record
from ..rendering.table import Spread
from .claims import Claim
from .rows import PublishedRow, covers_dataset


@dataclass(frozen=True)
class Reproduction:
    """Our row for a claim.

    Attributes:
        row: the runs.
        value: their mean and deviation.
    """

    row: Row
    value: Spread

    @property
    def backbone(self) -> str:
        """The backbone, as timm calls it, without the name of its weights."""
        return str(self.row.first.cell["features"]["backbone"]).partition(".")[0]

    @property
    def untrained(self) -> bool:
        return str(self.row.first.cell["features"]["weights"]).startswith("random:")


def on_stream(records: Sequence[Record], published: PublishedRow) -> list[Record]:
    """Return the records of the stream of a published row, whatever their routing.

    Streams with drift or blending, and streams of a part of a dataset, are no published ones.
    """
    if not covers_dataset(published):
        return []
    stream = published.dataset, published.schedule
    return [
        record
        for record in records
        if (record.cell["dataset"], record.cell["schedule"]) == stream
        and "drift" not in record.cell
        and "blend" not in record.cell
    ]


def find_reproduction(
    claim: Claim, records: Sequence[Record], defaults: Defaults | None = None
) -> Reproduction | None:
    """Return our row for a claim: the claimed backbone first, then the row nearest to defaults.

    Args:
        claim: the claim.
        records: the records.
        defaults: default parameters by method name.

    Returns:
        None if no built-in method implements the claimed one, if the definition is not one of ours,
        or if no row has the claimed number of experts, the routing, and a value for every category.
    """
    name, published = claim.quantity, claim.first
    if name is None or not published.ours:
        return None
    fitting = [
        record
        for record in on_stream(records, published)
        if record.method == published.ours
        and published.routing in (record.routing, "not stated")
        and (published.experts is None or experts_of(record) == published.experts)
    ]
    base = split_name(name)[0]
    rows = [row for row in rows_of(fitting) if all(_complete(r, base) for r in row.records)]
    if not rows:
        return None

    def distance(row: Row) -> tuple[bool, bool, int]:
        backbone = str(row.first.cell["features"]["backbone"]).partition(".")[0]
        usual = (defaults or {}).get(row.first.method, {})
        changed = sum(
            usual.get(key, value) != value
            for key, value in row.first.params.items()
            if key != "experts"
        )
        return backbone != published.backbone, row.first.routing != "oracle", changed

    row = min(rows, key=distance)
    read = quantity(name).read
    values = [read(Reading(record, tuple(record.categories))) for record in row.records]
    return Reproduction(row, spread_over_runs(row.records, [float(value) for value in values]))


def _complete(record: Record, base: str) -> bool:
    """Whether the metric is defined for every category of the stream in the last row."""
    R, _ = stored_matrix(record, None, base)
    return bool(R.shape[1] == len(record.categories) and not np.isnan(R[-1]).any())
