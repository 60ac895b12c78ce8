"""A record that contradicts itself or its scores is left out by name, and never unpickled."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cadbench.results.exchange import table_types as tables
from cadbench.results.records.parquet import write_table
from cadbench.results.records.store import find_records

from tests.benchmark.cli import exchange
from tests.results import hostile

make_record = exchange.make_record
records = exchange.records
there = exchange.there
exported = exchange.exported
assert_nothing_gets_in = exchange.assert_nothing_gets_in


# --- records that are not what they say


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def set_in(path: str, value: Any) -> Any:
    *outer, last = path.split(".")

    def change(run: dict[str, Any]) -> None:
        held = run
        for name in outer:
            held = held[name]
        held[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (set_in("schema", 1), "schema 1"),
        (set_in("seconds", "fast"), "seconds: expected a table, got 'fast'"),
        (set_in("seconds.total", "fast"), "seconds.total: expected a number, got 'fast'"),
        (set_in("seconds.total", -1.0), "seconds.total: expected a number from 0, got -1.0"),
        (set_in("costs", []), "costs must have one entry per experience"),
        (set_in("costs", [{"seconds": 1.0}] * 3), "costs"),
        (set_in("device", "cpu\x1b]0;owned\x07"), r"\x1b]0;owned\x07"),
        (set_in("notes", ["half \ud800"]), r"\ud800"),
        (set_in("notes", ["x" * 5000]), "5000 characters"),
        (set_in("surprise", "\x1b[2J"), r"\x1b[2J"),
        (set_in("experiences", [["apple"], ["bolt"]]), "experiences differ from the order"),
        (
            set_in("experiences", [["apple", "bolt"], ["cork"]]),
            "experiences differ from the schedule 1x3",
        ),
        (set_in("experiences", [["apple"], ["apple"], ["cork"]]), "each category once"),
        (set_in("protocol", "other@1"), "protocol differs from the one in cell"),
        (set_in("cell.routing", "psychic"), "cell.routing: expected one of oracle, inferred, got"),
        (set_in("cell.seed", -1), "seed"),
        (set_in("cell.seed", True), "cell.seed: expected a whole number, got True"),
        (set_in("cell.schedule", "3"), "experiences differ from the schedule 3"),
        (set_in("cell.preprocessing", {"resize": 256, "crop": 200}), "is reserved for crop 224"),
        (set_in("cell.preprocessing", {"resize": "big"}), "cell.preprocessing: crop is missing"),
        (set_in("cell.method.params", ["a"]), "cell.method.params: expected a table"),
        (set_in("cell.method.name", "me\ncad"), r"me\ncad"),
        (set_in("cell.manifest", "../x"), "cell.manifest"),
        (set_in("checksums", {}), "checksums"),
        (set_in("maps", "some"), "maps: expected one of final, all, none, got 'some'"),
        (set_in("features.grid", [28]), "features.grid: expected height and width, got [28]"),
        (set_in("cell.method.params.deep", nested(80)), "nested more than 64 deep"),
        (set_in("cell.method.params.seed", 2**70), "cell.method.params.seed: expected a number of"),
        (set_in("cell", []), "does not hold a record"),
    ],
)
def test_a_run_file_that_lies_is_left_out(assert_nothing_gets_in, exported, tmp_path, change, said):
    entries = hostile.with_run(exported, change, keyed="does not hold" not in said)
    assert_nothing_gets_in(hostile.write_zip(tmp_path / "a.zip", entries.items()), said, "left out")


def test_a_key_that_is_not_that_of_its_cell_is_refused(assert_nothing_gets_in, exported, tmp_path):
    entries = hostile.with_run(exported, set_in("cell.method.version", "2"), keyed=False)
    source = hostile.write_zip(tmp_path / "a.zip", entries.items())
    assert_nothing_gets_in(source, "its key does not match its cell")


def test_a_record_in_the_place_of_another_is_refused(assert_nothing_gets_in, exported, tmp_path):
    moved = {name.replace("seed-0", "seed-1"): content for name, content in exported.items()}
    source = hostile.write_zip(tmp_path / "a.zip", hostile.listed(moved).items())
    assert_nothing_gets_in(source, "its cell belongs into synthetic-1x3-224-oracle@1/")


def changed_table(tmp_path: Path, entries: dict[str, bytes], name: str, change: Any) -> bytes:
    frame = hostile.table_of(entries, name)
    if name == "metrics":
        frame["t"] = frame["t"].astype("Int16")
    frame = change(frame)
    write_table(tmp_path / "changed.parquet", name, frame)
    return (tmp_path / "changed.parquet").read_bytes()


def set_value(metric: str, value: float) -> Any:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        frame.loc[frame.index[frame["metric"] == metric][0], "value"] = value
        return frame

    return change


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("metrics", set_value("acc", 0.99), "acc is 0.99 in the record and 0.8 from its scores"),
        ("metrics", set_value("bwt", 0.0), "bwt is 0 in the record and -0.075 from its scores"),
        ("metrics", set_value("auroc", np.nan), "auroc of apple after experience 1 is nan"),
        ("metrics", set_value("expert_forgetting", 1.0), "expert_forgetting is 1"),
        ("metrics", lambda f: f[f["metric"] != "fm"], "fm is missing"),
        ("metrics", lambda f: pd.concat([f, f[:1]]), "a metric twice"),
        ("metrics", lambda f: f.assign(metric=f["metric"].replace("fm", "mf")), "fm is missing"),
        ("metrics", lambda f: f.assign(n=f["n"] + 1), "counts"),
        ("scores", lambda f: f.assign(score=-f["score"]), "from its scores"),
        ("scores", lambda f: f.assign(label=f["label"] + 1), "labels other than 0 and 1"),
        ("scores", lambda f: f.assign(score=np.float32(np.inf)), "not finite|NaN or infinite"),
        ("scores", lambda f: f[f["category"] != "bolt"], "no scores of bolt after experience 2"),
        ("scores", lambda f: f[1:], "the test images of apple after experience 1 differ"),
        (
            "scores",
            lambda f: f.assign(category="plum"),
            "a category that is in no experience: plum",
        ),
        ("scores", lambda f: f.assign(experience=9), "experiences outside 1 to 3"),
        ("scores", lambda f: f.assign(defect="\x1b[2J"), r"\x1b[2J"),
        ("events", lambda f: f.assign(chosen=True), "to exactly one expert"),
        ("events", lambda f: f.drop(columns="reason"), "without reason"),
        (
            "events",
            lambda f: f.assign(category="plum"),
            "assigns a category that is in no experience",
        ),
        ("memory", lambda f: f.assign(experience=0), "experiences outside"),
    ],
)
def test_a_table_that_contradicts_is_named(
    assert_nothing_gets_in, exported, tmp_path, name, change, said
):
    content = changed_table(tmp_path, exported, name, change)
    entries = hostile.with_file(exported, f"{name}.parquet", content)
    source = hostile.write_zip(tmp_path / "a.zip", entries.items())
    if "|" in said:
        said = said.split("|")[1]
    assert_nothing_gets_in(source, said, "left out")


def parquet(table: pa.Table, **options: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **options)
    return buffer.getvalue()


def scores_with(entries: dict[str, bytes], change: Any) -> bytes:
    (content,) = [held for name, held in entries.items() if name.endswith("/scores.parquet")]
    return parquet(change(pq.read_table(io.BytesIO(content))))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.drop_columns(["route"]), "no column route"),
        (lambda t: t.append_column("x", t["score"]), "unknown column 'x'"),
        (lambda t: t.append_column("score", t["score"]), "columns that cadbench does not write"),
        (lambda t: t.set_column(5, "score", t["score"].cast("float64")), "holds double, not float"),
        (lambda t: t.set_column(1, "category", t["label"]), "holds int8, not string"),
        (lambda t: t.replace_schema_metadata({"pandas": "{}"}), "metadata"),
        (
            lambda t: t.set_column(3, "label", pa.array([None] * len(t), "int8")),
            "column label of scores.parquet lacks values",
        ),
    ],
)
def test_a_table_of_other_columns_or_types_is_refused(
    assert_nothing_gets_in, exported, tmp_path, change, said
):
    content = scores_with(exported, change)
    entries = hostile.with_file(exported, "scores.parquet", content)
    assert_nothing_gets_in(hostile.write_zip(tmp_path / "a.zip", entries.items()), said)


def test_a_table_of_endless_rows_or_texts_is_refused_undecoded(
    assert_nothing_gets_in, exported, tmp_path, monkeypatch
):
    def many_rows(t: pa.Table) -> pa.Table:
        return pa.concat_tables([t] * 40)

    def long_text(t: pa.Table) -> pa.Table:
        return t.set_column(4, "defect", pa.array(["x" * 4000] * len(t)))

    monkeypatch.setattr(tables, "MAX_ROWS", 5000)
    entries = hostile.with_file(exported, "scores.parquet", scores_with(exported, many_rows))
    source = hostile.write_zip(tmp_path / "a.zip", entries.items())
    assert_nothing_gets_in(source, "rows, the limit is 5000")
    monkeypatch.setattr(tables, "MAX_TABLE_BYTES", 400_000)
    entries = hostile.with_file(exported, "scores.parquet", scores_with(exported, long_text))
    source = hostile.write_zip(tmp_path / "a.zip", entries.items())
    assert_nothing_gets_in(source, "more than 400000 bytes")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + bytes(100) + b"PAR1", b"\x80\x04N."])
def test_a_table_that_is_no_parquet_is_refused(assert_nothing_gets_in, exported, tmp_path, content):
    entries = hostile.with_file(exported, "events.parquet", content)
    source = hostile.write_zip(tmp_path / "a.zip", entries.items())
    assert_nothing_gets_in(source, "events.parquet is not a complete Parquet file")


class Hostile:
    """Says so when it is unpickled."""

    def __reduce__(self) -> Any:
        return (exec, ("raise SystemExit('unpickled')",))


def npy(array: np.ndarray, *, pickled: bool = False) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=pickled)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (npy(np.array([Hostile()], object), pickled=True), "cannot read maps.npy"),
        (pickle.dumps(Hostile()), "cannot read maps.npy"),
        (npy(np.ones((63, 2, 2), np.float32)), "expected float16 (63, 2, 2)"),
        (npy(np.ones((62, 2, 2), np.float16)), "expected float16 (63, 2, 2)"),
        (npy(np.ones((63, 3, 2), np.float16)), "holds float16 (63, 3, 2)"),
        (npy(np.ones((63, 4), np.float16)), "holds float16 (63, 4)"),
        (npy(np.full((63, 2, 2), np.nan, np.float16)), "not finite"),
        (b"\x93NUMPY\x01\x00\x10\x00{'descr': exec()", "cannot read maps.npy"),
    ],
    ids=["object array", "pickle", "float32", "too few", "other grid", "no maps", "nan", "header"],
)
def test_maps_that_are_none_are_refused_and_never_unpickled(
    assert_nothing_gets_in, exported, tmp_path, content, said
):
    entries = hostile.with_file(exported, "maps.npy", content)
    entries = hostile.with_run(entries, set_in("maps", "final"))
    entries = hostile.with_run(entries, set_in("features.grid", [2, 2]))
    assert_nothing_gets_in(hostile.write_zip(tmp_path / "a.zip", entries.items()), said)


def test_one_bad_record_is_named_and_the_others_are_imported(call, records, out, there, tmp_path):
    call("export", "all", "--to", tmp_path / "a", "--out", out)
    scores = next((tmp_path / "a").rglob("joint-*/seed-0/scores.parquet"))
    scores.write_bytes(scores.read_bytes()[:-1])
    done = call("import", tmp_path / "a", "--out", there)
    assert done.code == 1
    assert done.out == f"2 imported in {there}\n"
    assert done.err.count("\n") == 1
    assert "joint-" in done.err
    assert "scores.parquet was altered or damaged" in done.err
    assert {record.method for record in find_records(there)} == {"mecad"}
    scores.unlink()
    again = call("import", tmp_path / "a", "--out", there)
    assert (again.code, again.out) == (1, f"2 already present in {there}\n")
    assert "scores.parquet is missing" in again.err
