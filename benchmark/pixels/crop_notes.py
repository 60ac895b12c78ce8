"""Notes on what resize and crop remove from a category: parts of its images, and defects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ...results.counts import format_count
from ..data.images.preprocessing import Preprocessing
from ..data.item import Item
from ..data.manifest import Manifest
from ..data.notes.note import Note, lines

CUT_OFF = "cut off"
LOST_DEFECTS = "lost defects"

_USUAL_CUT = 0.5
"""Fraction of an image that a crop may cut off without a note; PatchCore's cuts off 0.23 of a
square image and 0.43 of one of 4 to 3."""
_USUAL_LOSS = 0.05
"""Fraction of the regions that may be lost without a note, if every defective image keeps one."""


def crop_notes(
    manifest: Manifest, preprocessing: Preprocessing, regions: Mapping[str, Mapping[str, float]]
) -> list[Note]:
    """The notes on what preprocessing loses, by column of R.

    Args:
        preprocessing: how they become squares.
        regions: `PixelMeter.regions`: regions of the columns that have pixel metrics.
    """
    found: list[Note] = []
    for column in manifest.columns:
        items = (*manifest.train(column), *manifest.test(column))
        found += _cut_off(column, items, preprocessing)
        if column in regions:
            found += _lost_defects(column, manifest.test(column), preprocessing, regions[column])
    return found


def recorded_crop_lines(runs: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """One line per category and kind for the notes on lost parts in several run.json."""
    notes = {
        Note(**note): None
        for run in runs
        for note in run.get("data_notes", ())
        if note["kind"] in (CUT_OFF, LOST_DEFECTS)
    }
    return lines(notes)


def _cut_off(column: str, items: Sequence[Item], preprocessing: Preprocessing) -> Iterator[Note]:
    cuts = [preprocessing.cut_off(item.width, item.height) for item in items]
    large = [cut for cut in cuts if cut > _USUAL_CUT]
    if large:
        low, high = f"{100 * min(large):.0f}", f"{100 * max(large):.0f}"
        share = f"{low} %" if low == high else f"{low} to {high} %"
        text = (
            f"cut off by the center crop: {share} of {len(large)} of "
            f"{format_count(len(cuts), 'image')}; --resize pad or squash keeps everything"
        )
        yield Note(column, CUT_OFF, len(large), len(cuts), text)


def _lost_defects(
    column: str, test: Sequence[Item], preprocessing: Preprocessing, regions: Mapping[str, float]
) -> Iterator[Note]:
    lost, hidden = int(regions["lost"]), int(regions["hidden"])
    total = int(regions["regions"]) + lost
    if not hidden and lost <= _USUAL_LOSS * total:
        return
    defective = sum(item.label for item in test)
    after = "the center crop" if preprocessing.mode == "crop" else "the resize"
    text = (
        f"{hidden} of {format_count(defective, 'defective image')} "
        f"{'shows' if hidden == 1 else 'show'} no defect after {after} (defect regions lost: "
        f"{lost} of {total})"
    )
    yield Note(column, LOST_DEFECTS, hidden or lost, defective if hidden else total, text)
