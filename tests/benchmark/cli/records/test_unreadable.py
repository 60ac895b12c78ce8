"""A command that meets a record it cannot read names it and continues with the others."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cadbench.results.records.record import Record, checksum, run_text
from cadbench.results.records.schema import cell_key, config_key
from cadbench.results.records.store import find_records

from tests.benchmark.cli.test_errors import assert_refused
from tests.results import conftest as of_results

make_record = of_results.make_record

COMMANDS = {
    "table": ("table",),
    "table memory": ("table", "memory"),
    "leaderboard": ("leaderboard",),
    "publish": ("leaderboard", "--publish", "board"),
    "report": ("report", "--to", "report.html"),
    "compare": ("compare", "mecad", "joint"),
    "figure": ("figure", "curves", "--to", "figures", "--format", "svg"),
    "show": ("show", "joint"),
}


def seal(record: Record, **changes: Any) -> None:
    """Write run.json again with fitting checksums, as a stranger would."""
    run = {**record.run, **changes}
    run["checksums"] = {name: checksum(record.path / name) for name in record.run["checksums"]}
    (record.path / "run.json").write_bytes(run_text(run))


def change_table(name: str, change: Callable[[pd.DataFrame], Any]) -> Callable[[Record], None]:
    def damage(record: Record) -> None:
        path = record.path / f"{name}.parquet"
        table = pq.read_table(path)
        changed = pa.Table.from_pandas(change(table.to_pandas()), preserve_index=False)
        types = {field.name: field.type for field in table.schema}
        schema = [(f.name, types.get(f.name, f.type)) for f in changed.schema]
        pq.write_table(changed.cast(pa.schema(schema), safe=False), path)
        seal(record)

    return damage


def retype(name: str, column: str) -> Callable[[Record], None]:
    def damage(record: Record) -> None:
        path = record.path / f"{name}.parquet"
        table = pq.read_table(path)
        place = table.column_names.index(column)
        texts = pa.array(["x"] * len(table))
        pq.write_table(table.set_column(place, column, texts), path)
        seal(record)

    return damage


def in_cell(**changes: Any) -> Callable[[Record], None]:
    def damage(record: Record) -> None:
        cell = {**record.cell, **changes}
        keys = {"key": cell_key(cell), "config_key": config_key(cell)}
        run = {**json.loads((record.path / "run.json").read_text()), "cell": cell, **keys}
        (record.path / "run.json").write_bytes(run_text(run))

    return damage


def write(text: str) -> Callable[[Record], None]:
    return lambda record: (record.path / "run.json").write_text(text) and None


DAMAGES: dict[str, Callable[[Record], None]] = {
    "nested": write("[" * 900 + "]" * 900),
    "no method": in_cell(method={}),
    "params a list": in_cell(method={"name": "mecad", "version": "1", "params": []}),
    "no experiences": lambda record: seal(record, experiences=[]),
    "seconds a text": lambda record: seal(record, seconds="long"),
    "type of metrics": retype("metrics", "value"),
    "type of memory": retype("memory", "stored_bytes"),
    "strange experience": change_table("metrics", lambda f: f.assign(t=f["t"] + 90)),
    "strange category": change_table(
        "metrics", lambda f: f.assign(category=f["category"].where(f["category"].isna(), "plum"))
    ),
    "strange scores": change_table("scores", lambda f: f.assign(category="plum")),
    "no metrics": change_table("metrics", lambda f: f[:0]),
    "no memory": change_table("memory", lambda f: f[:0]),
    "truncated": lambda record: (record.path / "metrics.parquet").write_bytes(b"PAR1") and None,
}


@pytest.fixture
def records(make_record: Callable[..., Record]) -> list[Record]:
    return [
        make_record(seed=0),
        make_record(method="joint", params={}),
        make_record(method="finetune", params={}),
    ]


@pytest.mark.parametrize("damage", DAMAGES)
def test_it_is_named_and_the_others_are_read(
    call: Any, records: list[Record], tmp_path: Path, monkeypatch: Any, damage: str
) -> None:
    monkeypatch.chdir(tmp_path)
    broken = records[2]
    DAMAGES[damage](broken)
    for name, words in COMMANDS.items():
        if name in ("report", "figure") and damage not in ("nested", "strange experience"):
            continue
        done = call(*words, "--out", "runs")
        assert done.code == 0, (name, done)
        assert "internal error" not in done.err
        named = str(broken.path.relative_to(tmp_path)) in done.err
        assert named or name in ("show", "table memory", "compare", "figure") or not done.err
        lines = [line for line in done.err.splitlines() if "Sample images" not in line]
        assert len(lines) <= 1, (name, done.err)


def test_a_record_that_is_asked_for_and_cannot_be_read_is_one_line(
    call: Any, records: list[Record], out: Path
) -> None:
    DAMAGES["strange scores"](records[1])
    change_table("metrics", lambda f: f.assign(t=f["t"] + 90))(records[1])
    assert_refused(call("show", "joint", "--out", out), 1, str(records[1].path))


def test_records_are_found_through_links(
    call: Any, make_record: Any, records: list[Record], out: Path
) -> None:
    """Also where links form a loop; a record that two paths lead to is one record."""
    make_record(routing="inferred", protocol="synthetic-1x3-224-inferred@1")
    protocol = next(path for path in out.iterdir() if "inferred" in path.name)
    disk = out.parent / "disk"
    protocol.rename(disk)
    protocol.symlink_to(disk)
    (out / "again").symlink_to(disk)
    (disk / "loop").symlink_to(out)
    assert len(find_records(out)) == 4
    done = call("export", out, "--to", out.parent / "a.zip", "--out", out)
    assert done.out.startswith("4 records written")


@pytest.mark.parametrize("experts", ["many", "", None, 2.5, True, [1, 2], {"a": 1}, -1, 10**30])
def test_a_parameter_experts_that_is_no_number_is_an_ordinary_parameter(
    call: Any, make_record: Any, tmp_path: Path, monkeypatch: Any, experts: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    make_record(method="mecad", params={"experts": 2})
    make_record(method="mecad", params={"experts": 3})
    make_record(method="other", params={"experts": experts})
    figures = ("experts", "tradeoff", "curves") if experts in ("many", None) else ("tradeoff",)
    for name in figures:
        done = call("figure", name, "--to", "figures", "--format", "svg", "--out", "runs")
        assert (done.code, done.err) == (0, ""), (name, done)
    for words in (("table",), ("table", "experts"), ("leaderboard",)):
        done = call(*words, "--out", "runs")
        assert (done.code, done.err) == (0, ""), (words, done)


def test_every_text_of_a_record_is_escaped_on_a_published_page(
    call: Any, make_record: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    record = make_record()
    script, image = "<script>alert(1)</script>", "![x](javascript:alert(1))"
    seal(
        record,
        versions={"cadbench": script, "torch": f"{image} 1\n\n# Heading <!-- "},
        git_commit=f"{script}\x1b[2J",
        device=f"\u202ecpu | {image}",
    )
    assert call("leaderboard", "--publish", "board", "--out", "runs").code == 0
    page = (tmp_path / "BOARD.md").read_text()
    assert "<script" not in page.replace("\\<script", "")
    assert "](javascript" not in page.replace("\\](javascript", "")
    assert "\n# Heading" not in page
    assert all(character.isprintable() or character == "\n" for character in page)


def test_maps_of_another_size_than_the_grid_are_refused_when_read(make_record: Any) -> None:
    from cadbench.results.errors import RecordError

    record = make_record(maps=np.ones((63, 2, 2)))
    seal(record, features={"grid": [3, 2], "dim": 152})
    (again,) = find_records(record.path.parents[4])
    with pytest.raises(RecordError, match=r"maps\.npy holds float16 \(63, 2, 2\)"):
        again.maps()
