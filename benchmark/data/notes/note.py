"""Notes on a dataset: what is odd about a category's files and changes what its metrics mean."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ....results.counts import format_count

MAX_SEPARATE = 3
"""If more categories than this have notes of the same kind, these share one line."""
_MAX_NAMES = 15
"""Categories named in one line."""


@dataclass(frozen=True)
class Note:
    """One kind of oddity in one category. Records keep notes with these keys.

    Attributes:
        category: its name; empty if the note is about no single category.
        kind: what is odd, as a short name: `mask shades`.
        count: number of files that it is about; 0 if it is not about single files.
        of: number of files that it could be about; 0 if that is not known.
        text: the sentence, without the category.
    """

    category: str
    kind: str
    count: int
    of: int
    text: str

    @property
    def line(self) -> str:
        """The sentence with the category."""
        return f"{self.category}: {self.text}" if self.category else self.text

    def as_dict(self) -> dict[str, Any]:
        """The note as in a record's run.json."""
        return asdict(self)


@dataclass(frozen=True)
class Kind:
    """A kind of oddity of single files.

    Attributes:
        noun: what the files are: `image` or `mask`.
        one, many: end of the sentence for one file and for several. `{low}` and `{high}` are the
            lowest and the highest figure.
        percent: whether figures are shares, which are printed in percent.
    """

    noun: str
    one: str
    many: str
    percent: bool = False


KINDS = {
    "turned": Kind(
        "image",
        "has an EXIF orientation, which is applied; its mask is taken as drawn on the turned image",
        "have an EXIF orientation, which is applied; masks are taken as drawn on the turned images",
    ),
    "mask as stored": Kind(
        "mask",
        "fits its image only before the EXIF orientation is applied, and is turned with it",
        "fit their images only before the EXIF orientation is applied, and are turned with them",
    ),
    "pages": Kind(
        "image",
        "has several pages, of which only the first is read",
        "have several pages, of which only the first is read",
    ),
    "depth": Kind(
        "image",
        "holds {low}-bit values in 16 bits; it is scaled from {low} bits",
        "hold {low}-bit values in 16 bits; they are scaled from {low} bits",
    ),
    "levels": Kind(
        "image",
        "keeps only {low} levels of gray in 8 bits; scale it to its full range",
        "keep only {low} to {high} levels of gray in 8 bits; scale them to their full range",
    ),
    "mask shades": Kind(
        "mask",
        "holds {low} shades instead of two values (saved as JPEG, or resized?); it is cut at the "
        "middle of its range",
        "hold {low} to {high} shades instead of two values (saved as JPEG, or resized?); they are "
        "cut at the middle of their range",
    ),
    "mask labels": Kind(
        "mask",
        "holds {low} values or colors; all but the lowest count as defective",
        "hold {low} to {high} values or colors; all but the lowest count as defective",
    ),
    "mask in alpha": Kind(
        "mask",
        "has a single color and an alpha channel that varies; the alpha channel is used as the "
        "mask",
        "have a single color and an alpha channel that varies; the alpha channel is used as the "
        "mask",
    ),
    "mask in palette": Kind(
        "mask",
        "has a palette of a single color (all black?); the positions in the palette are used",
        "have a palette of a single color (all black?); the positions in the palette are used",
    ),
    "mask covers": Kind(
        "mask",
        "covers {low} of the image; is it inverted?",
        "cover {low} to {high} of the image; are they inverted?",
        percent=True,
    ),
    "mask turned": Kind(
        "mask",
        "has an EXIF orientation of its own, which is applied",
        "have EXIF orientations of their own, which are applied",
    ),
    "mask pages": Kind(
        "mask",
        "has several pages, of which only the first is read",
        "have several pages, of which only the first is read",
    ),
    "mask empty": Kind(
        "mask",
        "is empty, though its image is defective, and counts as missing",
        "are empty, though their images are defective, and count as missing",
    ),
}


def file_note(category: str, kind: str, figures: Sequence[float], of: int) -> Note:
    """The note on several files of a category.

    Args:
        category: the category.
        kind: a key of `KINDS`.
        figures: one per file.
        of: number of the category's files that could have this oddity.
    """
    entry = KINDS[kind]
    low, high = (
        f"{100 * figure:.1f} %" if entry.percent else f"{figure:g}"
        for figure in (min(figures), max(figures))
    )
    count = len(figures)
    end = (entry.one if count == 1 else entry.many).format(low=low, high=high)
    end = end.replace(f"{low} to {low}", low)
    return Note(category, kind, count, of, f"{count} of {format_count(of, entry.noun)} {end}")


def lines(notes: Iterable[Note]) -> Iterator[str]:
    """One line per note, or one per kind for those kinds that many categories have."""
    by_kind: dict[str, list[Note]] = collections.defaultdict(list)
    for note in notes:
        by_kind[note.kind].append(note)
    for of_kind in by_kind.values():
        if len({note.category for note in of_kind}) <= MAX_SEPARATE:
            yield from (note.line for note in of_kind)
            continue
        counts: dict[str, int] = {}
        for note in of_kind:
            counts[note.category] = counts.get(note.category, 0) + note.count
        names = [f"{name} ({count})" if count else name for name, count in counts.items()]
        yield f"{len(counts)} categories, such as {of_kind[0].line}; in all: {shortened(names)}"


def shortened(names: Sequence[str]) -> str:
    """A few names, or the first ones and how many more there are."""
    more = len(names) - _MAX_NAMES
    return ", ".join(names[:_MAX_NAMES]) + (f" and {more} more" if more > 0 else "")
