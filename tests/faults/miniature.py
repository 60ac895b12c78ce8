"""A miniature dataset of the catalog: two categories, its archive, and the entry that fits."""

from __future__ import annotations

import hashlib
import io
import lzma
import tarfile
import zipfile
from collections.abc import Iterable
from dataclasses import replace
from functools import cache

import numpy as np
from cadbench.benchmark.data.catalog import Archive, CatalogEntry, Citation, License, Official
from PIL import Image

Files = dict[str, bytes]


@cache
def files(side: int = 96) -> Files:
    """Noise in MVTec AD's layout, by path: 3 training, 2 good, 2 defective images a category."""
    random = np.random.default_rng(0)

    def png(*shape: int) -> bytes:
        return encoded(random.integers(0, 256, shape, dtype=np.uint8))

    def encoded(pixels: np.ndarray) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        return buffer.getvalue()

    found: Files = {}
    for category in ("cup", "nut"):
        for folder, count in (("train/good", 3), ("test/good", 2), ("test/dent", 2)):
            for number in range(count):
                found[f"{category}/{folder}/{number:03}.png"] = png(side, side, 3)
        for number in range(2):
            found[f"{category}/ground_truth/dent/{number:03}_mask.png"] = encoded(
                np.where(random.random((side, side)) < 0.3, 255, 0).astype(np.uint8)
            )
    return found


def pack(content: Iterable[tuple[str | tarfile.TarInfo, bytes]], kind: str) -> bytes:
    """An archive of these members, whatever they are called."""
    buffer = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, data in content:
                assert isinstance(name, str)
                archive.writestr(zipfile.ZipInfo(name), data)
        return buffer.getvalue()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in content:
            info = tarfile.TarInfo(name) if isinstance(name, str) else name
            if info.isreg():
                info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return lzma.compress(buffer.getvalue(), preset=0) if kind == "tar.xz" else buffer.getvalue()


@cache
def archive() -> bytes:
    """The dataset as a tar.xz of some 400 kB."""
    return pack(files().items(), "tar.xz")


def entry(body: bytes, *urls: str, kind: str = "tar.xz", inside: str = "") -> CatalogEntry:
    """The dataset `mini` with this archive at these addresses."""
    archive = Archive(
        file=f"mini.{kind}",
        urls=urls,
        bytes=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
        kind=kind,  # type: ignore[arg-type]
        evidence="packed here",
        inside=inside,
    )
    return CatalogEntry(
        name="mini",
        title="Mini AD",
        home="https://mini.example",
        reader="mvtec",
        folders=("mini", "mini_ad"),
        access="download",
        why="It is made for tests.",
        by_hand="make it",
        license=License("CC0", "https://mini.example/license", "everything"),
        citation=Citation("mini", "article", ("A. Nobody",), "Mini", "Tests", 2026),
        archives=(archive,),
        counts={name: Official(3, 2, 2, 2) for name in ("cup", "nut")},
    )


def with_archive(whole: CatalogEntry, **changes: object) -> CatalogEntry:
    """The entry with another archive."""
    return replace(whole, archives=(replace(whole.archives[0], **changes),))  # type: ignore[arg-type]
