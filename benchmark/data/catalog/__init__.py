"""The catalog of datasets: source, license, citation and counts, one TOML file per dataset.

Every archive names the evidence for its address, size and hash. Unknown facts are left out, never
guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Literal, NamedTuple

from ....results.did_you_mean import suggestion
from ....results.errors import CadbenchError, UsageError
from ....results.validation import convert, parse_toml

Access = Literal["download", "by hand"]
Kind = Literal["tar", "tar.xz", "tar.gz", "zip"]


class Counts(NamedTuple):
    """Numbers of images of a category."""

    train: int
    test_good: int
    test_defective: int


@dataclass(frozen=True)
class Official:
    """Numbers of files of a complete category. masks: defective images that have a mask."""

    train: int
    test_good: int
    test_defective: int
    masks: int

    @property
    def images(self) -> Counts:
        """The numbers of images."""
        return Counts(self.train, self.test_good, self.test_defective)

    def __str__(self) -> str:
        """`209/20/63/63`."""
        return "/".join(map(str, (*self.images, self.masks)))


@dataclass(frozen=True)
class License:
    """The license of a dataset. allows: what it permits, in a few words."""

    name: str
    url: str
    allows: str


@dataclass(frozen=True)
class Citation:
    """The paper to cite. kind and key are those of the BibTeX entry."""

    key: str
    kind: str
    authors: tuple[str, ...]
    title: str
    venue: str
    year: int
    doi: str = ""

    def bibtex(self) -> str:
        """Return the entry as BibTeX."""
        where = "journal" if self.kind == "article" else "booktitle"
        fields = {
            "author": " and ".join(self.authors),
            "title": f"{{{self.title}}}",
            where: self.venue,
            "year": str(self.year),
            **({"doi": self.doi} if self.doi else {}),
        }
        lines = [f"  {name:9} = {{{value}}}," for name, value in fields.items()]
        return "\n".join([f"@{self.kind}{{{self.key},", *lines, "}"])


@dataclass(frozen=True)
class Archive:
    """A file to download.

    Attributes:
        file: its name.
        urls: official addresses of the file, tried in order.
        bytes: its size.
        sha256: its hash, 64 hexadecimal digits.
        kind: how it is packed.
        evidence: where addresses, size and hash were read.
        inside: the folder in the archive that becomes the folder of the dataset; files next to it
            are kept.
    """

    file: str
    urls: tuple[str, ...]
    bytes: int
    sha256: str
    kind: Kind
    evidence: str
    inside: str = ""


@dataclass(frozen=True)
class CatalogEntry:
    """A dataset. Its fields are the keys of its file, except the name.

    Attributes:
        name: name of the file.
        title: the usual name.
        home: the official page.
        reader: name of the reader of its layout.
        folders: usual names of its folder.
        access: whether cadbench may download it.
        why: the reason for that.
        by_hand: how to get it from `home` manually.
        license: its license.
        citation: the paper to cite.
        archives: the files to download; none if access is `by hand`.
        counts: numbers of files by category; empty if unknown.
        categories: the names of the categories; in a file only if there are no counts.
    """

    name: str
    title: str
    home: str
    reader: str
    folders: tuple[str, ...]
    access: Access
    why: str
    by_hand: str
    license: License
    citation: Citation
    archives: tuple[Archive, ...] = ()
    counts: Mapping[str, Official] = field(default_factory=dict)
    categories: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "categories", tuple(self.counts) or self.categories)

    @property
    def bytes(self) -> int:
        """Size of all archives."""
        return sum(archive.bytes for archive in self.archives)


@cache
def entry_names() -> tuple[str, ...]:
    """Return the names of all datasets, sorted."""
    files = (entry.name for entry in resources.files(__name__).iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml")))


@cache
def load_entry(name: str) -> CatalogEntry:
    """Return the dataset with this name; raise `UsageError` if there is none."""
    if name not in entry_names():
        raise UsageError(
            f"unknown dataset {name!r}{suggestion(name, entry_names())}; there are: "
            f"{', '.join(entry_names())}"
        )
    return parse_entry((resources.files(__name__) / f"{name}.toml").read_text("utf-8"), name)


def parse_entry(text: str, name: str) -> CatalogEntry:
    """Return the dataset that a TOML file describes.

    Args:
        text: the content of the file.
        name: the name of the dataset; its file is `NAME.toml`.

    Raises:
        CadbenchError: an unknown or missing key, or a value of another type.
    """
    where = f"{name}.toml"
    content = parse_toml(text, where, CadbenchError)
    return convert(content, CatalogEntry, where, CadbenchError, name=name)
