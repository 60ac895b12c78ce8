"""Files that options name: protocols, cells and orders, whole and with something wrong in them."""

from __future__ import annotations

import copy
import json
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cadbench.benchmark.protocols.builtin import builtin_text
from hypothesis import strategies as st

from tests.faults.case import TREE, Case
from tests.faults.option_values import PLATES, STRANGE, UP

ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 10**30, 2**63, 0.5, -0.0, 1e308, float("nan"), float("inf"), "",
    " ", "x", "a\nb", "\x1b[31m", "\0", "\ud800", "é", "9" * 5000, [], [[]],
    [None], ["x"], ["x", "x"], [1], {},
    {"": ""}, {"x": {"y": []}}, "..", "/", "apple", ["apple"], "1x*", "oracle", 224, "a" * 3000,
)  # fmt: skip
"""Values of a wrong type, size or meaning."""


@st.composite
def mutated_values(draw: st.DrawFn, whole: Any, most: int = 2) -> Any:
    """Nested lists and tables with up to `most` entries replaced, removed, added or doubled."""
    values = copy.deepcopy(whole)
    for _ in range(draw(st.integers(0, most))):
        places = list(_places(values))
        if not places:
            break
        holder, key = draw(st.sampled_from(places))
        match draw(st.sampled_from(["replace", "replace", "remove", "add", "double", "nest"])):
            case "replace":
                holder[key] = copy.deepcopy(draw(st.sampled_from(ODD_VALUES)))
            case "remove":
                del holder[key]
            case "double" if isinstance(holder, list):
                holder.append(copy.deepcopy(holder[key]))
            case "nest":
                holder[key] = [holder[key]]
            case _ if isinstance(holder, dict):
                word = draw(st.sampled_from([*STRANGE[:40], "dataset", "named_orders"]))
                holder[word] = copy.deepcopy(draw(st.sampled_from(ODD_VALUES)))
            case _:
                holder.reverse()
    return values


def _places(values: Any) -> Any:
    inner = values.items() if isinstance(values, dict) else enumerate(values)
    for key, value in list(inner):
        yield values, key
        if isinstance(value, dict | list):
            yield from _places(value)


@st.composite
def mutated_bytes(draw: st.DrawFn, data: bytes) -> bytes:
    """Cut, or a few bytes replaced, inserted or left out."""
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(data)))
        other = draw(st.sampled_from([b"", b"\0", b"\xff", b"\xef\xbb\xbf", b"\n", b'"', b"]", b"{",
                                      b"=", b",", b"\r", b"[" * 3000, b"9" * 5000]))  # fmt: skip
        if draw(st.integers(0, 9)) == 0:
            data = data[:place]
        else:
            data = data[:place] + other + data[place + draw(st.integers(0, 3)) :]
    return data


def as_toml(values: Mapping[str, Any]) -> str:
    """TOML of what JSON can hold; what TOML cannot (null) is written so all the same."""
    return "\n".join(f"{_key(key)} = {_inline(value)}" for key, value in values.items()) + "\n"


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{_key(k)} = {_inline(v)}' for k, v in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_inline, value))}]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value)


def _key(text: str) -> str:
    return json.dumps(text)


PROTOCOL: Mapping[str, Any] = {
    **{"id": "plates-ours@1", "title": "ours", "dataset": "folder", "schedule": "1x3"},
    **{"categories": ["apple", "bolt", "cork"], "orders": ["alphabetical", "mine"]},
    **{"routing": "oracle", "unseen": "next", "drift": [], "blend": 0.0},
    "preprocessing": {"resize": 73, "crop": 64},
    "maps": {"upsampling": "bilinear", "sigma": 4.0},
    "named_orders": {"mine": ["cork", "apple", "bolt"]},
    "study": {"seeds": [0, 1], "methods": ["mecad"], "set": ["mecad.experts=1,2"],
              "embedding": "concat"},
}  # fmt: skip
"""Of the drawn dataset of `judging.build_world`."""


def _protocol(_: Path) -> st.SearchStrategy[Case]:
    synthetic = tomllib.loads(builtin_text("synthetic-1x15"))
    drifting = {**PROTOCOL, "drift": ["dark:2"], "schedule": "1x6", "blend": 0.0}
    values = st.sampled_from([synthetic, PROTOCOL, drifting]).flatmap(mutated_values)
    texts = values.map(lambda v: as_toml(v).encode("utf-8", "surrogatepass"))
    name = f"{TREE}/ours.toml"
    run = ("run", "-q", "--dry-run", "--data-root", PLATES, "--protocol", name)
    return _of(texts, "ours.toml", [("protocols", name), run])


def _cells(files: Path) -> st.SearchStrategy[Case]:
    whole = json.loads((files / "cells.json").read_text())
    texts = mutated_values(whole, 3).map(lambda v: json.dumps(v).encode("utf-8", "surrogatepass"))
    name = f"{TREE}/cells.json"
    run = ("run", "-q", "--data-root", PLATES, "--cells", name)
    return _of(texts, "cells.json", [run, (*run, "--dry-run")])


def _order(_: Path) -> st.SearchStrategy[Case]:
    words = st.lists(st.sampled_from(["apple", "bolt", "cork", "aple", "", *STRANGE]), max_size=5)
    listed = st.one_of(st.permutations(["apple", "bolt", "cork"]), words)
    texts = listed.map(lambda names: "\n".join(names).encode("utf-8", "surrogateescape"))
    name = f"{TREE}/order.txt"
    return _of(
        texts, "order.txt", [("run", "-q", "--dry-run", "--data-root", PLATES, "--order", name)]
    )


def _archive(files: Path) -> st.SearchStrategy[Case]:
    """An export with a few bytes changed; most of a zip is the records themselves."""
    whole = (files / "export.zip").read_bytes()

    def case(drawn: tuple[int, bytes, bool]) -> Case:
        place, other, cut = drawn

        def prepare(folder: Path) -> None:
            at = place % len(whole)
            folder.mkdir()
            changed = whole[:at] if cut else whole[:at] + other + whole[at + len(other) :]
            (folder / "export.zip").write_bytes(changed)

        return Case(("import", f"{UP}/tree/export.zip", "--out", "new"), prepare, f"{drawn}")

    other = st.sampled_from([b"", b"\0", b"\xff" * 4, b"../", b"PK\x05\x06", b"\x1b"])
    return st.tuples(st.integers(0, 10**6), other, st.integers(0, 9).map(lambda n: n == 0)).map(
        case
    )


_RUN = ("run", "-q", "--data-root", PLATES, "--image-size", "64", "--device", "cpu", "--out", "new")


def _weights(_: Path) -> st.SearchStrategy[Case]:
    header = b'{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    whole = len(header).to_bytes(8, "little") + header + b"\0" * 4
    names = st.sampled_from(["w.safetensors", "w.pth", "w", "w.bin"])
    return st.tuples(names, mutated_bytes(whole)).map(
        lambda drawn: Case(
            (*_RUN, "--weights", f"{TREE}/{drawn[0]}"),
            _writing(drawn[0], drawn[1]),
            f"{drawn!r}"[:200],
        )
    )


def _of(
    texts: st.SearchStrategy[bytes], name: str, calls: list[tuple[str, ...]]
) -> st.SearchStrategy[Case]:
    contents = st.one_of(texts, texts, texts.flatmap(mutated_bytes))
    return st.tuples(contents, st.sampled_from(calls)).map(
        lambda drawn: Case(drawn[1], _writing(name, drawn[0]), f"{drawn[0]!r}"[:1500])
    )


def _writing(name: str, data: bytes) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        folder.mkdir()
        (folder / name).write_bytes(data)

    return prepare


WRITTEN: Mapping[str, Callable[[Path], st.SearchStrategy[Case]]] = {
    "protocol": _protocol,
    "cells": _cells,
    "order": _order,
    "export": _archive,
    "weights": _weights,
}
"""Calls that name such a file, given the folder `files` of the world."""
