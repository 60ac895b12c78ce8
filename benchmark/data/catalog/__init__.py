"""The datasets that cadbench knows: where they come from, what they allow, what they hold.

One TOML file a dataset, checked when it is read. What a file says of addresses, sizes and hashes,
and where that was read, is its `evidence`; what could not be looked up is left out, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Literal, NamedTuple, get_args

from ....results.did_you_mean import suggestion
from ....results.errors import CadbenchError, UsageError
from ....results.published.toml_file import Schema, check_keys, parse_toml

Access = Literal["download", "by hand"]
Kind = Literal["tar", "tar.xz", "tar.gz", "zip"]


class Counts(NamedTuple):
    """Images of a category."""

    train: int
    test_good: int
    test_defective: int


class Official(NamedTuple):
    """What a category holds where nothing is missing; masks: defective images that have one."""

    images: Counts
    masks: int

    def __str__(self) -> str:
        """`209/20/63/63`."""
        return "/".join(map(str, (*self.images, self.masks)))


@dataclass(frozen=True)
class License:
    """Under which terms a dataset may be used; allows: the gist, in words."""

    name: str
    url: str
    allows: str


@dataclass(frozen=True)
class Citation:
    """The paper to cite; kind, key: of the BibTeX entry."""

    key: str
    kind: str
    authors: tuple[str, ...]
    title: str
    venue: str
    year: int
    doi: str = ""

    def bibtex(self) -> str:
        """The entry as BibTeX."""
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
    """A file to download. urls: official addresses of the same file; the first one there is taken.

    inside: the folder in the archive that becomes the dataset's own; what lies beside it is kept.
    evidence: where addresses, size and hash were read.
    """

    file: str
    urls: tuple[str, ...]
    bytes: int
    sha256: str
    kind: Kind
    inside: str = ""
    evidence: str = ""


@dataclass(frozen=True)
class Entry:
    """A dataset. reader: the name of what reads it; folders: how its folder is usually called.

    access: whether cadbench may fetch it, and `why`; by_hand: what to do at `home` for oneself.
    official: by category, empty where the numbers could not be looked up.
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
    official: Mapping[str, Official] = field(default_factory=dict)
    names: tuple[str, ...] = ()

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories, also where their counts are not known."""
        return tuple(self.official) or self.names

    @property
    def bytes(self) -> int:
        """Of all archives."""
        return sum(archive.bytes for archive in self.archives)


@cache
def entry_names() -> tuple[str, ...]:
    """The names of all datasets, sorted."""
    files = (entry.name for entry in resources.files(__name__).iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml")))


@cache
def load_entry(name: str) -> Entry:
    """The dataset of that name; `UsageError` where there is none."""
    if name not in entry_names():
        raise UsageError(
            f"unknown dataset {name!r}{suggestion(name, entry_names())}; there are: "
            f"{', '.join(entry_names())}"
        )
    return parse_entry((resources.files(__name__) / f"{name}.toml").read_text("utf-8"), name)


_ENTRY: Schema = {
    "title": (str, True),
    "home": (str, True),
    "reader": (str, True),
    "folders": (list, True),
    "access": (str, True),
    "why": (str, True),
    "by_hand": (str, True),
    "license": (dict, True),
    "citation": (dict, True),
    "archives": (list, False),
    "counts": (dict, False),
    "categories": (list, False),
}
_LICENSE: Schema = {"name": (str, True), "url": (str, True), "allows": (str, True)}
_CITATION: Schema = {
    "key": (str, True),
    "kind": (str, True),
    "authors": (list, True),
    "title": (str, True),
    "venue": (str, True),
    "year": (int, True),
    "doi": (str, False),
}
_ARCHIVE: Schema = {
    "file": (str, True),
    "urls": (list, True),
    "bytes": (int, True),
    "sha256": (str, True),
    "kind": (str, True),
    "inside": (str, False),
    "evidence": (str, True),
}
_COUNTS: Schema = {
    "train": (int, True),
    "test_good": (int, True),
    "test_defective": (int, True),
    "masks": (int, True),
}
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_ADDRESS = re.compile(r"https://[!-~]+")


def parse_entry(text: str, name: str) -> Entry:
    """The dataset that a TOML file describes; unknown keys and what does not fit are refused."""
    where = f"{name}.toml"
    content = parse_toml(text, where)
    check_keys(content, _ENTRY, where)
    check_keys(content["license"], _LICENSE, f"{where}: license")
    check_keys(content["citation"], _CITATION, f"{where}: citation")
    citation = content["citation"]
    if ("counts" in content) == ("categories" in content):
        raise CadbenchError(f"{where}: give counts, or categories where they are not known")
    if content["access"] not in get_args(Access):
        raise CadbenchError(f"{where}: access is one of {', '.join(get_args(Access))}")
    entry = Entry(
        name,
        content["title"],
        _address(content["home"], f"{where}: home"),
        content["reader"],
        _texts(content["folders"], f"{where}: folders"),
        content["access"],
        content["why"],
        content["by_hand"],
        License(**content["license"]),
        Citation(**{**citation, "authors": _texts(citation["authors"], f"{where}: authors")}),
        tuple(
            _archive(raw, f"{where}: archive {number}")
            for number, raw in enumerate(content.get("archives", ()), 1)
        ),
        {
            category: _official(raw, f"{where}: counts of {category}")
            for category, raw in content.get("counts", {}).items()
        },
        _texts(content.get("categories", ()), f"{where}: categories"),
    )
    _address(entry.license.url, f"{where}: license url")
    if (entry.access == "download") != bool(entry.archives):
        raise CadbenchError(f"{where}: archives belong to access = 'download' and to no other")
    return entry


def _archive(raw: Any, where: str) -> Archive:
    check_keys(raw, _ARCHIVE, where)
    archive = Archive(**{**raw, "urls": _texts(raw["urls"], f"{where}: urls")})
    for url in archive.urls:
        _address(url, f"{where}: urls")
    if not archive.urls:
        raise CadbenchError(f"{where}: urls must not be empty")
    if not re.fullmatch("[0-9a-f]{64}", archive.sha256):
        raise CadbenchError(f"{where}: sha256 must be 64 small hexadecimal digits")
    if archive.bytes <= 0:
        raise CadbenchError(f"{where}: bytes must be positive")
    if archive.kind not in get_args(Kind):
        raise CadbenchError(f"{where}: kind is one of {', '.join(get_args(Kind))}")
    for key, value in (("file", archive.file), ("inside", archive.inside or "_")):
        if not _FILE.fullmatch(value):
            raise CadbenchError(f"{where}: {key} must be a plain name, not {value!r}")
    return archive


def _official(raw: Any, where: str) -> Official:
    check_keys(raw, _COUNTS, where)
    if min(raw.values()) < 0 or raw["masks"] > raw["test_defective"]:
        raise CadbenchError(f"{where}: counts are from 0, masks at most test_defective")
    return Official(Counts(raw["train"], raw["test_good"], raw["test_defective"]), raw["masks"])


def _address(url: str, where: str) -> str:
    if not _ADDRESS.fullmatch(url):
        raise CadbenchError(f"{where} must be an https address, not {url!r}")
    return url


def _texts(listed: Sequence[Any], where: str) -> tuple[str, ...]:
    if not all(isinstance(item, str) and item.isprintable() and item for item in listed):
        raise CadbenchError(f"{where} must hold texts of a line each")
    return tuple(listed)
