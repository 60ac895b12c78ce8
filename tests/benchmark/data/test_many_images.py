"""A manifest of many images: nothing is decoded twice, and the work per image stays what it is."""

from __future__ import annotations

import importlib.util
import json
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest
from cadbench.benchmark.data.images import image_facts, inspection
from cadbench.benchmark.data.images.inspection import SkippedFile
from cadbench.benchmark.data.item import Item
from cadbench.benchmark.data.manifest import Manifest, build_manifest
from cadbench.benchmark.system.reporting import Silent

IMAGES = 600


def bench():
    """tests/bench/manifest.py, which draws valid PNG files quickly."""
    file = Path(__file__).parents[2] / "bench" / "manifest.py"
    spec = importlib.util.spec_from_file_location("bench_manifest", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often files are decoded and asked for their status, and the memory is read and saved."""
    counts: Counter[str] = Counter()

    def counting(module: ModuleType, name: str) -> None:
        real = getattr(module, name)

        def call(*args: object) -> object:
            counts[name] += 1
            return real(*args)

        monkeypatch.setattr(module, name, call)

    for name in ("_inspect", "_stamp"):
        counting(inspection, name)
    for name in ("_encoded", "_load_rows"):
        counting(image_facts, name)
    return counts


def test_many_images_are_decoded_once_and_met_again_by_their_status(
    tmp_path: Path, counted: Counter[str]
) -> None:
    files = bench().write_dataset(tmp_path / "set", IMAGES, 4)
    assert files == IMAGES + IMAGES // 10

    first = build_manifest("x", tmp_path / "set", cache=tmp_path / "cache", workers=0)
    assert len(first.items) == IMAGES
    assert first.warnings == ()
    assert counted == {"_inspect": files, "_stamp": files, "_encoded": 1, "_load_rows": 1}
    (file,) = (tmp_path / "cache" / "manifests").iterdir()
    rows = json.loads(file.read_bytes().partition(b"\n")[2])["files"]
    assert len(rows) == files

    counted.clear()
    again = build_manifest("x", tmp_path / "set", cache=tmp_path / "cache", workers=0)
    assert again == first
    assert counted == {"_stamp": files, "_load_rows": 1}


def test_what_an_interrupt_left_is_all_that_is_decoded_next_time(
    tmp_path: Path, counted: Counter[str]
) -> None:
    class Impatient(Silent):
        def task(self, description: str, total: int, unit: str):  # type: ignore[no-untyped-def]
            import contextlib

            return contextlib.nullcontext(self)

        def advance(self, amount: int = 1) -> None:
            if counted["_inspect"] >= 300:
                raise KeyboardInterrupt

    files = bench().write_dataset(tmp_path / "set", IMAGES, 4)
    options = {"cache": tmp_path / "cache", "workers": 0}
    with pytest.raises(KeyboardInterrupt):
        build_manifest("x", tmp_path / "set", reporter=Impatient(), **options)  # type: ignore[arg-type]
    read = counted["_inspect"]
    build_manifest("x", tmp_path / "set", **options)  # type: ignore[arg-type]
    assert counted["_inspect"] == files
    assert 300 <= read < files


def test_the_same_oddity_of_many_categories_is_one_warning() -> None:
    def items(category: str) -> list[Item]:
        leaked = "same" + category
        return [
            Item(category, "train", "good", "a", None, 4, 3, leaked, None),
            Item(category, "test", "good", "b", None, 4, 3, leaked, None),
            Item(category, "test", "dent", "c", None, 4, 3, "other", "m"),
        ]

    def warnings(count: int) -> tuple[str, ...]:
        made = [item for number in range(count) for item in items(f"c{number:02}")]
        return Manifest("x", Path(), tuple(made)).warnings

    text = "1 test image is also a training image"
    assert warnings(3) == (f"c00: {text}", f"c01: {text}", f"c02: {text}")
    (one,) = warnings(30)
    assert one.startswith(f"30 categories, such as c00: {text}; in all: c00 (1), c01 (1), ")
    assert one.endswith("c14 (1) and 15 more")


def test_skipped_files_are_one_warning_per_category() -> None:
    skipped = [SkippedFile(f"nut/{number}.png", "torn", "nut") for number in range(1000)]
    skipped.append(SkippedFile("cup/1.png", "torn", "cup"))
    assert Manifest("x", Path(), (), tuple(skipped)).warnings == (
        "nut: 1000 files cannot be read and are left out, such as nut/0.png: torn",
        "cup: 1 file cannot be read and is left out, such as cup/1.png: torn",
    )
