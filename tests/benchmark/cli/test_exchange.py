"""`cadbench export` and `import`: a round trip changes no byte, no failure leaves half a record."""

from __future__ import annotations

import errno
import json
import os
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cadbench.results.counts import format_count
from cadbench.results.records.record import load_record
from cadbench.results.records.store import find_records

from tests.benchmark.cli import exchange
from tests.benchmark.cli.exchange import files_under
from tests.benchmark.cli.test_errors import assert_refused
from tests.results import hostile
from tests.results.samples import MATRIX

make_record = exchange.make_record
records = exchange.records
there = exchange.there
exported = exchange.exported


# --- the round trip


@pytest.mark.parametrize("name", ["ours.zip", "ours.tgz", "ours"])
def test_a_round_trip_changes_neither_a_byte_nor_the_leaderboard(
    call, records, out, there, tmp_path, name
):
    assert call("export", "all", "--to", tmp_path / name, "--out", out).code == 0
    done = call("import", tmp_path / name, "--out", there)
    assert (done.code, done.err) == (0, "")
    assert done.out == f"3 imported in {there}\n"
    assert files_under(there) == files_under(out)
    ours, theirs = (call("leaderboard", "--out", runs) for runs in (out, there))
    assert ours == theirs
    assert ours.code == 0


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_the_same_records_give_the_same_archive(call, records, out, tmp_path, name):
    places = tmp_path / "one" / name, tmp_path / "two" / name
    for place in places:
        for path in out.rglob("*.parquet"):
            os.utime(path, (0, len(str(place))))
        assert call("export", "all", "--to", place, "--out", out).code == 0
    assert places[0].read_bytes() == places[1].read_bytes()


def test_an_archive_contains_nothing_about_the_machine(call, records, out, tmp_path):
    for name in ("a.zip", "a.tar.gz"):
        assert call("export", "all", "--to", tmp_path / name, "--out", out).code == 0
    with tarfile.open(tmp_path / "a.tar.gz") as archive:
        for info in archive:
            assert (info.uid, info.gid, info.uname, info.gname, info.mtime) == (0, 0, "", "", 0)
    for content in hostile.entries_of(tmp_path / "a.zip").values():
        assert str(tmp_path).encode() not in content
    with zipfile.ZipFile(tmp_path / "a.zip") as zipped:
        assert {info.date_time for info in zipped.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_what_is_there_already_is_left_alone(call, records, out, there, tmp_path):
    call("export", "all", "--to", tmp_path / "a.zip", "--out", out)
    call("import", tmp_path / "a.zip", "--out", there)
    before = {path: path.stat().st_mtime_ns for path in there.rglob("*") if path.is_file()}
    again = call("import", tmp_path / "a.zip", "--out", there)
    assert (again.code, again.out) == (0, f"3 already present in {there}\n")
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_without_maps_the_record_says_so_and_counts_as_the_one_with_maps(
    call, records, out, there, tmp_path
):
    call("export", "mecad", "--no-maps", "--to", tmp_path / "small.zip", "--out", out)
    assert call("import", tmp_path / "small.zip", "--out", there).code == 0
    for record in find_records(there):
        assert record.run["maps"] == "none"
        assert load_record(record.path, verify=True).maps() is None
    known = call("import", tmp_path / "small.zip", "--out", out)
    assert known.out == f"2 already present in {out}\n"
    assert [record.maps() is None for record in find_records(out)] == [True, False, False]


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (["all"], 3),
        (["mecad"], 2),
        (["mecad", "all"], 3),
        (["all", "--methods", "joint"], 1),
        (["--protocol", "synthetic-1x3-224-oracle@1"], 3),
        (["synthetic-1x3-224-oracle@1"], 3),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_run_means_every_record_that_fits(call, records, out, there, tmp_path, words, count):
    done = call("export", *words, "--to", tmp_path / "a.zip", "--out", out)
    assert done.code == 0
    assert done.out.startswith(f"{format_count(count, 'record')} written to ")
    call("import", tmp_path / "a.zip", "--out", there)
    assert len(find_records(there)) == count


def test_run_may_be_a_folder_or_the_beginning_of_a_key(call, records, out, tmp_path):
    refs = (records[0].path, records[0].path.parent, records[1].key[:10])
    for number, (ref, count) in enumerate(zip(refs, (1, 2, 1), strict=True)):
        done = call("export", ref, "--to", tmp_path / f"{number}.zip", "--out", out)
        assert done.out.startswith(f"{format_count(count, 'record')} written to")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--to", "a.zip"], ["say which records", "all"]),
        (["nothing", "--to", "a.zip"], ["no record matches 'nothing'"]),
        (["all", "--methods", "mecda", "--to", "a.zip"], ["did you mean mecad?"]),
        (["all", "--to", "a.rar"], [".zip or .tar.gz"]),
        (["all", "--to", "a.tar.zst"], [".zip or .tar.gz"]),
        (["all", "--to", "full"], ["not empty"]),
        (["all", "--to", "full", "--overwrite"], ["not empty"]),
        (["all", "--to", "old.zip"], ["it exists", "--overwrite"]),
        (["all", "--to", "runs/export"], ["mistaken for records"]),
        (["all"], ["--to"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_a_wrong_export_is_wrong_usage_in_one_line(
    call, records, out, tmp_path, monkeypatch, words, said
):
    monkeypatch.chdir(tmp_path)
    hostile.write_folder(tmp_path, {"full/mine.txt": b"", "old.zip": b""})
    before = files_under(tmp_path)
    refused = call("export", *words, "--out", out)
    assert refused.code == 2
    assert refused.out == ""
    for text in said:
        assert text in refused.err
    assert files_under(tmp_path) == before


@pytest.mark.parametrize("name", ["a.zip", "a"])
def test_an_earlier_export_is_replaced_when_asked(call, records, out, tmp_path, name):
    for words in (["all"], ["joint", "--overwrite"]):
        assert call("export", *words, "--to", tmp_path / name, "--out", out).code == 0
    assert call("import", tmp_path / name, "--out", tmp_path / "b").out.startswith("1 imported")
    assert not list(tmp_path.glob(".*"))


def test_a_damaged_record_is_named_and_the_others_are_exported(call, records, out, tmp_path):
    damaged = records[0].path / "scores.parquet"
    damaged.write_bytes(b"")
    done = call("export", "all", "--to", tmp_path / "a.zip", "--out", out)
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert f"{records[0].path} cannot be exported: scores.parquet was altered" in done.err
    assert done.out.startswith("2 records written")
    refused = call("export", records[0].path, "--to", tmp_path / "b.zip", "--out", out)
    assert_refused(refused, 1, "cannot be exported", "scores.parquet was altered")
    assert not (tmp_path / "b.zip").exists()


def test_a_run_file_that_cannot_be_read_is_named_and_the_others_are_exported(
    call, records, out, tmp_path
):
    (records[0].path / "run.json").write_text("[" * 999)
    done = call("export", "all", "--to", tmp_path / "a.zip", "--out", out)
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert str(records[0].path) in done.err
    assert done.out.startswith("2 records written")


def test_an_import_into_a_folder_on_another_file_system(
    call, exported, there, tmp_path, monkeypatch
):
    """The folder of the protocol is a link; renaming across file systems is refused."""
    source = hostile.write_zip(tmp_path / "a.zip", exported.items())
    (protocol,) = {name.partition("/")[0] for name in exported if "/" in name}
    disk = tmp_path / "disk"
    disk.mkdir()
    there.mkdir(parents=True)
    (there / protocol).symlink_to(disk)
    rename = os.rename

    def refuse(source: Any, target: Any) -> None:
        if Path(source).resolve().is_relative_to(disk) != Path(target).resolve().is_relative_to(
            disk
        ):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        rename(source, target)

    monkeypatch.setattr(os, "rename", refuse)
    monkeypatch.setattr(os, "replace", refuse)
    done = call("import", source, "--out", there)
    assert (done.code, done.err) == (0, "")
    assert call("import", source, "--out", there, "--overwrite").code == 0
    (record,) = find_records(there)
    assert record.path.resolve().is_relative_to(disk)
    load_record(record.path, verify=True)
    assert not list(disk.rglob("*.partial"))


# --- what is there already


def faster(run: dict[str, Any]) -> None:
    run["seconds"]["total"] = 0.5


def test_another_record_of_the_cell_is_refused_without_overwrite(call, exported, out, tmp_path):
    source = hostile.write_zip(tmp_path / "a.zip", hostile.with_run(exported, faster).items())
    before = files_under(out)
    refused = call("import", source, "--out", out)
    assert_refused(
        refused,
        1,
        "a different record of this cell exists",
        "they differ in seconds",
        "--overwrite",
    )
    assert files_under(out) == before
    done = call("import", "--overwrite", source, "--out", out)
    assert (done.code, done.out) == (0, f"1 replaced in {out}\n")
    (record,) = find_records(out)
    assert record.run["seconds"]["total"] == 0.5
    assert files_under(out).keys() == before.keys()


def test_a_damaged_record_is_replaced_only_when_asked(call, exported, out, tmp_path):
    source = hostile.write_zip(tmp_path / "a.zip", exported.items())
    (record,) = find_records(out)
    (record.path / "scores.parquet").write_bytes(b"")
    assert_refused(call("import", source, "--out", out), 1, "damaged record", "--overwrite")
    assert call("import", source, "--out", out, "--overwrite").code == 0
    load_record(record.path, verify=True)


def test_a_record_that_is_being_computed_is_left_to_it(call, exported, there, tmp_path):
    from cadbench.results.records.store import record_dir
    from cadbench.results.storage.locks import record_lock

    source = hostile.write_zip(tmp_path / "a.zip", exported.items())
    run = json.loads(next(v for name, v in exported.items() if name.endswith("run.json")))
    with record_lock(record_dir(there, run["cell"]), wait=True):
        refused = call("import", source, "--out", there)
    assert_refused(refused, 1, "another process is computing it")
    assert files_under(there) == {}


# --- kills and full disks


class Killed(BaseException):
    """Like a signal: nothing on the way may catch it."""


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("step", range(6))
def test_a_kill_between_steps_leaves_whole_records(
    call, exported, out, tmp_path, monkeypatch, step, overwrite
):
    entries = hostile.with_run(exported, faster)
    source = hostile.write_zip(tmp_path / "a.zip", entries.items())
    runs = out if overwrite else tmp_path / "theirs"
    words = ("import", source, "--out", runs, *["--overwrite"] * overwrite)
    calls = 0
    real: dict[str, Any] = {name: getattr(os, name) for name in ("replace", "rename")}

    def until_killed(name: str) -> Any:
        def act(*args: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls > step:
                raise Killed
            return real[name](*args, **options)

        return act

    with monkeypatch.context() as patch:
        for name in ("replace", "rename"):
            patch.setattr(os, name, until_killed(name))
        try:
            call(*words)
        except Killed:
            killed = True
        else:
            killed = False
    assert killed or step >= 1
    whole = [path.parent for path in runs.rglob("run.json")]
    assert all(load_record(folder, verify=True) for folder in whole)
    assert whole or not overwrite
    done = call(*words)
    assert done.code == 0, done
    (record,) = find_records(runs)
    assert load_record(record.path, verify=True).run["seconds"]["total"] == 0.5
    assert not list(runs.rglob("*.partial"))
    assert not list(runs.glob(".import*"))


def test_what_a_killed_import_left_goes_with_the_next(call, exported, there, tmp_path):
    source = hostile.write_zip(tmp_path / "a.zip", exported.items())
    left = there / ".import-0123.partial"
    hostile.write_folder(left, {"000000/run.json": b"{"})
    left.with_name(f"{left.name}.lock").touch()
    assert call("import", source, "--out", there).code == 0
    assert [path.name for path in there.iterdir()] == ["synthetic-1x3-224-oracle@1"]


@pytest.mark.parametrize("name", ["fsync", "replace", "mkdir"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_full_or_read_only_disk_is_one_line_and_leaves_nothing(
    call, exported, there, tmp_path, monkeypatch, name, code
):
    source = hostile.write_zip(tmp_path / "a.zip", exported.items())

    def fail(*args: Any, **options: Any) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, name, fail)
        refused = call("import", source, "--out", there)
    said = "no space left" if code == errno.ENOSPC else "cannot write"
    assert_refused(refused, 1, said)
    assert files_under(there) == {} if there.exists() else True
    assert call("import", source, "--out", there).code == 0


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a"])
def test_a_full_disk_leaves_no_export(call, exported, out, tmp_path, monkeypatch, name):
    def fail(*args: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        refused = call("export", "all", "--to", tmp_path / "new" / name, "--out", out)
    assert_refused(refused, 1, "no space left")
    assert list((tmp_path / "new").iterdir()) == []


# --- what is shown


def test_hostile_names_of_an_imported_record_are_shown_as_text(call, make_record, there, tmp_path):
    nasty = '<img src=x onerror="alert(1)">'
    experiences = [[nasty], ["=1+1"], ["[x](javascript:alert(1))"]]
    order = [name for experience in experiences for name in experience]
    record = make_record(
        MATRIX,
        experiences=experiences,
        categories=order,
        method="=cmd|' /C calc'!A0",
        params={"x": "<script>alert(1)</script>"},
        order="<b>",
    )
    done = call("export", "all", "--to", tmp_path / "a.zip", "--out", tmp_path / "runs")
    assert done.code == 0, done
    assert call("import", tmp_path / "a.zip", "--out", there).code == 0
    for path in there.rglob("*"):
        assert set(path.name) <= set(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@-"
        )
    for words in (["leaderboard"], ["table", "per-category"], ["table"]):
        said = call(*words, "--format", "markdown", "--out", there)
        assert said.code == 0
        for acting in ("<img", "<b>", "](javascript"):
            assert acting not in said.out.replace(f"\\{acting}", "")  # escaped, it is text
    said = call("table", "per-category", "--format", "csv", "--out", there)
    assert "\n=" not in said.out
    assert ",=" not in said.out
    assert record.key


def test_control_characters_of_records_and_folders_never_reach_the_terminal(call, make_record, out):
    record = make_record(method="evil\x1b[2J", order="\x9b31m", params={"x": "\u202eabc"})
    broken = out / "bad\x1b]0;owned\x07"
    hostile.write_folder(broken, {"run.json": b"{"})
    calls = (
        ["show", record.key[:8]],
        ["show", "evil\x1b[2J"],
        ["show", "\x1b[31m"],
        ["table"],
        ["table", "--format", "csv"],
        ["leaderboard"],
        ["export", "all", "--to", str(out.with_name("a.zip"))],
    )
    for words in calls:
        said = call(*words, "--out", out)
        for text in (said.out, said.err):
            assert not set(text) & {"\x1b", "\x07", "\x9b", "\u202e"}, (words, text)
    assert r"\x1b[2J" in call("show", record.key[:8], "--out", out).out
