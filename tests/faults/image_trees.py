"""Datasets on disk with something wrong in them, in the layout of every reader."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.benchmark.data.readers.miniatures import (
    draw_btad,
    draw_mpdd,
    draw_mvtec,
    draw_mvtec_loco,
    draw_real_iad,
    draw_visa,
)
from tests.faults.case import TREE, Case
from tests.faults.odd_images import PICTURES
from tests.faults.option_words import commands
from tests.faults.written_files import as_toml, mutated_bytes, mutated_values

NAMES = (
    *("a\nb", "\x1b[31m", "😀", "é" * 127, "x" * 255, "-rf", "a,b", "a=b", "%s", "a b", "\u202ex"),
    *("'", '"', "\\", "$HOME", "*", "{stem}", "\udcff", ".hidden", "~", "CON", "a@dark:2", "<b>"),
    *("good", "train", "test", "001", "con:x", "\u0301", "a\tb", "a|b", "#", "..x"),
)
"""Names of files and folders; 255 bytes are the longest."""

Spoiling = Callable[[Path, int, str], None]


def _files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_dir() and not path.is_symlink())


def _any(paths: list[Path], number: int) -> Path | None:
    return paths[number % len(paths)] if paths else None


def _on_file(change: Callable[[Path, str], None]) -> Spoiling:
    def spoil(root: Path, number: int, word: str) -> None:
        if (file := _any(_files(root), number)) is not None:
            change(file, word)

    return spoil


def _on_folder(change: Callable[[Path, str], None]) -> Spoiling:
    def spoil(root: Path, number: int, word: str) -> None:
        if (folder := _any(_folders(root), number)) is not None:
            change(folder, word)

    return spoil


def _rename(path: Path, word: str) -> None:
    suffix = path.suffix if path.is_file() and len(os.fsencode(word)) < 250 else ""
    path.rename(path.with_name(f"{word}{suffix}"))


def _other_ending(file: Path, word: str) -> None:
    ending = [".txt", ".PNG", ".webp", ".jpeg", "", ".tif", ".toml", ".png.png"][len(word) % 8]
    file.rename(file.with_suffix(ending) if ending else file.with_name(file.stem))


def _twice(file: Path, word: str) -> None:
    ending = [".png", ".jpg", ".bmp", ".PNG"][len(word) % 4]
    shutil.copy(
        file, file.with_suffix(ending) if word < "a" else file.with_name(f"{word[:200]}.png")
    )


def _empty_folder(folder: Path, _: str) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def _linked_file(target: Callable[[Path], Path]) -> Callable[[Path, str], None]:
    def link(file: Path, _: str) -> None:
        file.unlink()
        file.symlink_to(target(file))

    return link


def _linked_folder(target: Callable[[Path], Path]) -> Callable[[Path, str], None]:
    def link(folder: Path, word: str) -> None:
        there = folder / (word if len(os.fsencode(word)) < 200 else "link")
        if not os.path.lexists(there):
            there.symlink_to(target(folder), target_is_directory=True)

    return link


def _folder_as_file(file: Path, _: str) -> None:
    file.unlink()
    file.mkdir()


def _pipe(file: Path, _: str) -> None:
    file.unlink()
    os.mkfifo(file)


def _nested(folder: Path, word: str) -> None:
    inner = folder / (word if len(os.fsencode(word)) < 200 else "inner")
    if not os.path.lexists(inner):
        shutil.copytree(folder, folder.parent / ".nested", symlinks=True)
        (folder.parent / ".nested").rename(inner)


def _extra(folder: Path, word: str) -> None:
    (folder / f"{word[:60]}.png").write_bytes(b"not a picture")
    (folder / "Thumbs.db").write_bytes(b"\0")
    (folder / "empty").mkdir(exist_ok=True)


def _closed(folder: Path, _: str) -> None:
    folder.chmod(0)


SPOILINGS: Mapping[str, Spoiling] = {
    "file removed": _on_file(lambda file, _: file.unlink()),
    "folder removed": _on_folder(lambda folder, _: shutil.rmtree(folder)),
    "folder emptied": _on_folder(_empty_folder),
    "file renamed": _on_file(_rename),
    "folder renamed": _on_folder(_rename),
    "other ending": _on_file(_other_ending),
    "file twice": _on_file(_twice),
    "dangling link": _on_file(_linked_file(lambda file: file.with_name("nowhere"))),
    "link to itself": _on_file(_linked_file(lambda file: file)),
    "link outside": _on_file(_linked_file(lambda _: Path("/etc/hostname"))),
    "link to a neighbor": _on_file(_linked_file(lambda file: _files(file.parent.parent)[0])),
    "folder linked in itself": _on_folder(_linked_folder(lambda folder: folder)),
    "folder linked to the root": _on_folder(_linked_folder(lambda folder: folder.parent.parent)),
    "folder as file": _on_file(_folder_as_file),
    "pipe as file": _on_file(_pipe),
    "nested": _on_folder(_nested),
    "extra files": _on_folder(_extra),
    **({} if os.geteuid() == 0 else {"no permission": _on_folder(_closed)}),
    **{
        f"content: {name}": _on_file(lambda file, _, data=data: _write(file, data()))
        for name, data in PICTURES.items()
    },
}


def _write(file: Path, data: bytes) -> None:
    file.write_bytes(data)


def _draw_folder(root: Path) -> Path:
    return draw_mvtec(root, ("gadget", "widget"))


DESCRIPTION: Mapping[str, Any] = {
    "name": "ours",
    "good": "{category}/train/good/*.png",
    "test_good": ["{category}/test/good/{stem}.png"],
    "defect": "{category}/test/{defect}/{stem}.png",
    "mask": "{category}/ground_truth/{defect}/{stem}_mask.png",
}
_OTHERS = (
    {**DESCRIPTION, "root": "gadget", "category": "gadget", "good": "train/good/*",
     "test_good": "test/good/*", "defect": "test/scratch/*",
        "mask": "ground_truth/*/{stem}_mask.png"},
    {k: v for k, v in {**DESCRIPTION, "test_share": 0.3, "good": "{category}/train/*/*.png"}.items()
     if k != "test_good"},
    {**DESCRIPTION, "defect": "{category}/*/{defect}/*", "mask": "*a*a*a*a*a*a*a*a*a*a*a*b{stem}"},
)  # fmt: skip


@st.composite
def _description(draw: st.DrawFn) -> tuple[str, bytes]:
    values = draw(mutated_values(draw(st.sampled_from([DESCRIPTION, *_OTHERS]))))
    data = as_toml(values).encode("utf-8", "surrogatepass")
    return "cadbench-data.toml", draw(st.one_of(st.just(data), st.just(data), mutated_bytes(data)))


@st.composite
def _visa_list(draw: st.DrawFn) -> tuple[str, bytes]:
    lines = _visa_lines()
    for _ in range(draw(st.integers(0, 2))):
        row = draw(st.integers(0, len(lines) - 1))
        cells = lines[row].split(",")
        odd = ["", "x", "../../x", "/etc/hostname", '"', "\x1b[31m", "test", "train", "normal",
               "anomaly", "candle", "é", "a" * 5000, "a\rb", "\0"]  # fmt: skip
        cells[draw(st.integers(0, len(cells) - 1))] = draw(st.sampled_from(odd))
        changed = [[",".join(cells)], [lines[row]] * 2, [], [lines[row] + ",more"]]
        lines[row : row + 1] = draw(st.sampled_from([changed[0], *changed]))
        if not lines:
            break
    data = "\n".join(lines).encode()
    return "split_csv/1cls.csv", draw(st.one_of(st.just(data), st.just(data), mutated_bytes(data)))


def _visa_lines() -> list[str]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        return (draw_visa(Path(folder)) / "split_csv" / "1cls.csv").read_text().splitlines()


@st.composite
def _real_iad_list(draw: st.DrawFn) -> tuple[str, bytes]:
    from tests.benchmark.data.readers.miniatures import real_iad_list

    values = draw(mutated_values(real_iad_list("audiojack"), 3))
    data = json.dumps(values).encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 3)) == 0:
        data = draw(mutated_bytes(data))
    return "realiad_jsons/audiojack.json", data


LAYOUTS: Mapping[
    str, tuple[str, Callable[[Path], Path], st.SearchStrategy[tuple[str, bytes]] | None]
] = {
    "folder": ("folder", _draw_folder, None),
    "described": ("folder", _draw_folder, _description()),
    "mvtec": ("mvtec", lambda root: draw_mvtec(root, ("bottle", "cable")), None),
    "mvtec_loco": ("mvtec_loco", draw_mvtec_loco, None),
    "btad": ("btad", draw_btad, None),
    "mpdd": ("mpdd", draw_mpdd, None),
    "visa": ("visa", draw_visa, _visa_list()),
    "real_iad": ("real_iad", draw_real_iad, _real_iad_list()),
}
"""Name -> --dataset, what draws it, and its list of files with something wrong, if it has one."""


@st.composite
def trees(draw: st.DrawFn, name: str) -> Case:
    """Calls on a dataset of this layout with up to three things wrong."""
    dataset, make, lists = LAYOUTS[name]
    listed = draw(lists) if lists is not None else None
    least = 0 if listed is not None else 1
    spoiled = draw(
        st.lists(
            st.tuples(
                st.sampled_from(sorted(SPOILINGS)), st.integers(0, 200), st.sampled_from(NAMES)
            ),
            min_size=least,
            max_size=3 if listed is None else 1,
        )
    )
    words = draw(st.sampled_from(_calls(dataset)))
    if draw(st.integers(0, 3)) == 0 and "verify" not in words and "preview" not in words:
        words = (*words, "--skip-unreadable")

    def prepare(root: Path) -> None:
        shutil.rmtree(root, ignore_errors=True)
        make(root)
        if listed is not None:
            (root / listed[0]).write_bytes(listed[1])
        for kind, number, word in spoiled:
            try:
                SPOILINGS[kind](root, number, word)
            except OSError:  # of two spoilings the first may leave nothing for the second
                continue

    told = f"{[(k, n, w[:20]) for k, n, w in spoiled]}"
    return Case(words, prepare, f"{told} {ascii(listed)[:1500] if listed else ''}")


def _calls(dataset: str) -> list[tuple[str, ...]]:
    here = ("--data-root", TREE)
    small = ("--image-size", "64", "--device", "cpu", "-q", "--set", "finetune.bank_budget=10")
    run = ("run", *here, *small, "--method", "finetune", "--backbone", "tf_efficientnet_lite0")
    named = ("--dataset", dataset)
    calls: list[tuple[str, ...]] = [
        ("data", "info", *named, *here),
        ("data", "info", *here),
        ("data", "verify", "--root", TREE),
        (*run, *named, "--dry-run"),
        (*run, *named),
        (*run, *named),
        (*run, *named, "--order", "random:0", "--schedule", "2x*"),
        ("report", "--to", "new.html", "--out", "../../../../../runs", "--images", *named, *here),
    ]
    if dataset != "folder":
        calls.append(("data", "verify", dataset, "--root", TREE))
    if "data preview" in commands():
        calls.append(("data", "preview", *named, *here, "--to", "new"))
    return calls
