"""Files of every kind that is written, truncated, with a bit flipped, and emptied."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.faults.kills import exported, import_words
from tests.faults.stage import METHODS, ONE, Called, Place, Stage, numbers, run_words
from tests.faults.verdict import Row

Damage = Callable[[bytes, random.Random], bytes]


def truncated(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(1, len(content))]


def flipped(content: bytes, rng: random.Random) -> bytes:
    """One bit is another."""
    at = rng.randrange(len(content))
    return content[:at] + bytes([content[at] ^ 1 << rng.randrange(8)]) + content[at + 1 :]


def emptied(content: bytes, rng: random.Random) -> bytes:
    return b""


DAMAGES: tuple[Damage, ...] = (truncated, flipped, flipped, flipped, emptied)
"""A flipped bit can go unnoticed in many places, so it is tried more often."""

CACHES = {
    "feature shard": "features/*/*/*.npy",
    "pixel shard": "pixels/*/*/*.npy",
    "coreset": "coresets/*[0-9a-f].npy",
    "centroid": "coresets/*-centroid.npy",
    "facts of image files": "manifests/*.json",
    "mask regions": "masks/*",
}
CHECKPOINT = ("head.json", "step-1", "tensors/*")
RECORD = ("run.json", "scores.parquet", "metrics.parquet", "memory.parquet", "events.parquet",
          "maps.npy")  # fmt: skip


def damaged_caches(stage: Stage, times: int, seed: int = 0) -> Iterator[Row]:
    """Rebuilt as it was, and named. A row a kind of file; `times` for each kind of damage."""
    whole = stage.undisturbed(*METHODS)
    expected = numbers(whole.runs)
    for kind, pattern in CACHES.items():
        rng = random.Random(f"{seed} {kind}")
        row = Row(f"damaged {kind}")
        for damage in DAMAGES:
            for _ in range(times):
                place = stage.place(whole, runs=False)
                file = rng.choice(sorted(place.cache.glob(pattern)))
                content = file.read_bytes()
                file.write_bytes(damage(content, rng))
                words = run_words(place, *METHODS)
                row.hear(stage.call(place, words), place, named=file.name)
                row.look(place, expected, expected)
                if file.read_bytes() != content:
                    row.lost += 1
                    row.notes.append(f"lost: {file} was not rebuilt as it was")
        yield row


def damaged_checkpoints(stage: Stage, times: int, seed: int = 0) -> Iterator[Row]:
    """The cell is computed from the beginning, with a warning that says why."""
    whole = stage.undisturbed(*ONE)
    expected = numbers(whole.runs)
    rng = random.Random(seed)
    begun = stage.place()
    fault = ("no_memory", {"phase": "record", "of_torch": False})
    assert stage.call(begun, run_words(begun, *ONE), fault).code == 1
    row = Row("damaged checkpoint file")
    for damage in DAMAGES:
        for name in CHECKPOINT:
            for _ in range(times):
                place = stage.place(begun)
                file = rng.choice(sorted(place.runs.rglob(f"checkpoint/{name}")))
                file.write_bytes(damage(file.read_bytes(), rng))
                words = run_words(place, *ONE)
                row.hear(stage.call(place, words), place, named=file.name)
                row.look(place, expected, expected)
                row.again(stage, place, words, expected, anew=True)
    yield row


def damaged_records(stage: Stage, times: int, seed: int = 0) -> Iterator[Row]:
    """A run refuses it by name, and --overwrite makes it anew; no command prints a number of it."""
    whole = stage.undisturbed(*METHODS)
    expected = numbers(whole.runs)
    readers = _readers(whole)
    right = {name: stage.call(whole, words).out for name, words in readers.items()}
    for name in RECORD:
        rng = random.Random(f"{seed} {name}")
        row = Row(f"damaged {name}")
        for damage in DAMAGES:
            for _ in range(times):
                place = stage.place(whole)
                record = rng.choice(sorted(place.runs.rglob("run.json"))).parent
                file = record / name
                file.write_bytes(damage(file.read_bytes(), rng))
                words = run_words(place, *METHODS)
                called = stage.call(place, words)
                row.hear(called, place, named=name)
                if called.code == 0:
                    row.wrong += 1
                    row.notes.append(f"wrong: the damage of {file} went unnoticed by a run")
                for reader, line in _readers(place).items():
                    _read(row, stage.call(place, line), place, reader, right[reader], name)
                row.again(stage, place, [*words, "--overwrite"], expected, anew=True)
        yield row


def damaged_exports(stage: Stage, times: int, seed: int = 0) -> Iterator[Row]:
    """Refused, or the records that are whole come in."""
    expected = numbers(stage.undisturbed(*METHODS).runs)
    rng = random.Random(seed)
    for kind in ("zip", "tar.gz"):
        archive = exported(stage, kind)
        row = Row(f"damaged export (.{kind})")
        for damage in DAMAGES:
            for _ in range(times):
                place = stage.place()
                copy = place.folder / f"all.{kind}"
                copy.write_bytes(damage(Path(archive).read_bytes(), rng))
                row.hear(stage.call(place, import_words(place, str(copy))), place, str(copy))
                row.look(place, expected)
                row.again(stage, place, import_words(place, archive), expected)
        yield row


def _readers(place: Place) -> dict[str, list[str]]:
    out = ["--out", str(place.runs)]
    return {
        "table": ["table", *out],
        "compare": ["compare", "mecad", "patchcore", *out],
        "show": ["show", "mecad", *out],
        "export": ["export", "all", "--to", str(place.folder / "again.zip"), *out],
    }


def _read(row: Row, called: Called, place: Place, reader: str, right: str, name: str) -> None:
    """What is printed is what it was, or does without the record and says so."""
    if called.out.replace(str(place.folder), "") == "" or name in called.err:
        row.hear(called, place, named=name, counted=False)
    elif _numbers_of(called.out) - _numbers_of(right):
        row.wrong += 1
        row.notes.append(f"wrong: {reader} prints other numbers:\n{called.out}\n{right}")
    else:
        row.hear(called, place, counted=False)


def _numbers_of(text: str) -> set[str]:
    return {line for line in text.splitlines() if line.startswith("| ") and "." in line}
