"""`cadbench export` and `import`: a round trip changes no byte; nothing hostile gets in."""

from __future__ import annotations

import errno
import io
import json
import os
import pickle
import stat
import struct
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from results.exchange import layout, members, tables
from results.exchange.layout import MANIFEST_FILE
from results.parquet import write_table
from results.printable import is_printable
from results.record import load_record
from results.store import find_records
from tests.benchmark.cli.test_errors import assert_refused
from tests.results import conftest as of_results
from tests.results import hostile
from tests.results.samples import MATRIX

make_record = of_results.make_record

MAPS = np.ones((63, 2, 2), np.float16)
"""Of the scores after the last experience: three categories, 21 images each."""


@pytest.fixture
def records(make_record):
    """Two seeds of one method with maps, and one of another without."""
    owner = {"apple": 0, "bolt": 0, "cork": 1}
    made = [make_record(owner=owner, maps=MAPS, seed=seed) for seed in (0, 1)]
    for record in made:
        run = {**record.run, "maps": "final"}
        (record.path / "run.json").write_text(json.dumps(run, indent=2) + "\n")
    return [*made, make_record(method="joint", params={})]


@pytest.fixture
def there(tmp_path):
    """Where records are imported."""
    return tmp_path / "theirs" / "runs"


@pytest.fixture
def exported(call, make_record, out, tmp_path):
    """The files of an honest export of one record."""
    make_record(owner={"apple": 0, "bolt": 0, "cork": 1})
    assert call("export", "all", "--to", tmp_path / "honest.zip", "--out", out).code == 0
    return hostile.entries_of(tmp_path / "honest.zip")


def files_under(folder: Path) -> dict[str, bytes]:
    """All files but locks, by relative path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


@pytest.fixture
def assert_nothing_gets_in(call, there, tmp_path):
    """Importing it is refused in one line, and nothing is written under --out or elsewhere."""

    def check(source: Path, *said: str, code: int = 1) -> None:
        before = set(tmp_path.rglob("*"))
        assert_refused(call("import", source, "--out", there), code, *said)
        assert {path for path in set(tmp_path.rglob("*")) - before if path != there.parent} == set()

    return check


# --- the round trip


@pytest.mark.parametrize("name", ["ours.zip", "ours.tar.gz", "ours.tgz", "ours"])
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


def test_an_archive_says_nothing_of_the_machine(call, records, out, tmp_path):
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
    assert (again.code, again.out) == (0, f"3 there already in {there}\n")
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
    assert known.out == f"2 there already in {out}\n"
    assert [record.maps() is None for record in find_records(out)] == [True, False, False]


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (["all"], 3),
        (["mecad"], 2),
        (["mecad", "joint"], 3),
        (["mecad", "all"], 3),
        (["--methods", "joint"], 1),
        (["all", "--methods", "joint"], 1),
        (["--protocol", "synthetic-1x3-224-oracle@1"], 3),
        (["synthetic-1x3-224-oracle@1"], 3),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_run_means_every_record_that_fits(call, records, out, there, tmp_path, words, count):
    done = call("export", *words, "--to", tmp_path / "a.zip", "--out", out)
    assert done.code == 0
    assert done.out.startswith(f"{count} record(s) in ")
    call("import", tmp_path / "a.zip", "--out", there)
    assert len(find_records(there)) == count


def test_run_may_be_a_folder_or_the_beginning_of_a_key(call, records, out, tmp_path):
    refs = (records[0].path, records[0].path.parent, records[1].key[:10])
    for number, (ref, count) in enumerate(zip(refs, (1, 2, 1), strict=True)):
        done = call("export", ref, "--to", tmp_path / f"{number}.zip", "--out", out)
        assert done.out.startswith(f"{count} record(s)")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--to", "a.zip"], ["name the records", "all"]),
        (["nothing", "--to", "a.zip"], ["no record is called 'nothing'"]),
        (["all", "--methods", "mecda", "--to", "a.zip"], ["did you mean mecad?"]),
        (["all", "--to", "a.rar"], [".zip or .tar.gz"]),
        (["all", "--to", "a.tar.zst"], [".zip or .tar.gz"]),
        (["all", "--to", "full"], ["not empty"]),
        (["all", "--to", "full", "--overwrite"], ["not empty"]),
        (["all", "--to", "old.zip"], ["it exists", "--overwrite"]),
        (["all", "--to", "runs/export"], ["taken for more records"]),
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


def test_a_damaged_record_is_not_exported(call, records, out, tmp_path):
    (records[0].path / "scores.parquet").write_bytes(b"")
    refused = call("export", "all", "--to", tmp_path / "a.zip", "--out", out)
    assert_refused(refused, 1, "cannot be exported", "scores.parquet was altered")
    assert not (tmp_path / "a.zip").exists()


# --- hostile names and members


BAD_NAMES = {
    "../outside": "leads out",
    "/etc/outside": "leads out",
    "C:/outside": "leads out",
    "C:outside": "leads out",
    "a\\..\\outside": "leads out",
    "a/../../outside": "leads out",
    "\\\\host\\share": "leads out",
    "a/b/c/d/e/f/g/run.json": "too deep",
    "a//b/c/d/run.json": "not a name",
    "./a/b/c/d/run.json": "not a name",
    "a/b/c/d/e/run.json\x1b[31m": r"not a name",
    "a/b/c/d/.hidden/run.json": "not a name",
    "a/b/c/d/e\u202e/run.json": r"\u202e",
    "a/b/c/d/<script>/run.json": "not a name",
    f"{'a' * 300}/b/c/d/e/run.json": "not a name",
    "a/b/c/d/e/run.py": "does not belong",
    "a/b/c/d/e/events.pkl": "does not belong",
    "run.json": "does not belong",
    "README.md": "does not belong",
    f"{MANIFEST_FILE}/b/c/d/e/run.json": "does not belong",
    "a/b/c/d/e/run.json": "is not in its",
}


@pytest.mark.parametrize("name", BAD_NAMES, ids=ascii)
@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_a_member_of_a_strange_name_refuses_the_archive(
    assert_nothing_gets_in, exported, tmp_path, kind, name
):
    write: Any = hostile.write_zip if kind == "zip" else hostile.write_tar
    source = write(tmp_path / f"bad.{kind}", [*exported.items(), (name, b"x")])
    assert_nothing_gets_in(source, BAD_NAMES[name], "nothing")


@pytest.mark.parametrize("name", ["README.md", "a/b/c/d/e/run.json", "a/b/c/d/e/f/run.json", ".x"])
def test_a_strange_file_in_a_folder_refuses_it(assert_nothing_gets_in, exported, tmp_path, name):
    source = hostile.write_folder(tmp_path / "bad", {**exported, name: b"x"})
    assert_nothing_gets_in(source, f"'{name.removesuffix('/run.json')}")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=st.text(min_size=1, max_size=40) | st.from_regex(r"(\.\.|[a-z:\\/.~]){1,8}\Z"))
@example("..\x00/x")
@example("a/b/c/d/e/con.json ")
def test_no_further_name_gets_in(call, exported, there, tmp_path, name):
    try:
        name.encode()
    except UnicodeEncodeError:
        return
    source = hostile.write_zip(tmp_path / "bad.zip", [*exported.items(), (name, b"x")])
    assert_refused(call("import", source, "--out", there), 1, "bad.zip")
    assert not there.exists()


@settings(max_examples=300, deadline=None)
@given(
    st.text(max_size=60) | st.lists(st.text(max_size=8) | st.just(".."), max_size=7).map("/".join)
)
def test_a_name_that_is_taken_stays_inside_and_is_plain(name):
    try:
        parts = layout.check_name(name)
    except layout.RecordError as error:
        refusal = str(error)
    else:
        refusal = ""
    if refusal:
        assert is_printable(refusal)
        return
    assert len(parts) in (1, 6)
    assert name.isascii()
    assert Path("/base", name).resolve().is_relative_to("/base")


def special(kind: str) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo("a/b/c/d/e/run.json")
    info.type = {
        "symbolic link": tarfile.SYMTYPE,
        "hard link": tarfile.LNKTYPE,
        "pipe": tarfile.FIFOTYPE,
        "device": tarfile.CHRTYPE,
        "sparse": tarfile.GNUTYPE_SPARSE,
        "unknown": b"Z",
    }[kind]
    info.linkname = "/etc/passwd"
    return info, b""


@pytest.mark.parametrize(
    "kind", ["symbolic link", "hard link", "pipe", "device", "sparse", "unknown"]
)
def test_a_link_or_device_in_a_tar_refuses_it(assert_nothing_gets_in, exported, tmp_path, kind):
    source = hostile.write_tar(tmp_path / "bad.tar.gz", [*exported.items(), special(kind)])
    said = kind if "link" in kind else "bad.tar.gz"
    assert_nothing_gets_in(source, said)


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFBLK, stat.S_IFSOCK])
def test_a_link_or_device_in_a_zip_refuses_it(assert_nothing_gets_in, exported, tmp_path, mode):
    info = zipfile.ZipInfo("a/b/c/d/e/run.json")
    info.external_attr = (mode | 0o777) << 16
    source = hostile.write_zip(tmp_path / "bad.zip", [*exported.items(), (info, b"/etc/passwd")])
    assert_nothing_gets_in(source, "link" if mode == stat.S_IFLNK else "neither a file")


@pytest.mark.parametrize("kind", ["symbolic link", "hard link", "linked folder", "pipe"])
def test_a_link_or_pipe_in_a_folder_refuses_it(assert_nothing_gets_in, exported, tmp_path, kind):
    source = hostile.write_folder(tmp_path / "bad", exported)
    run = next(source.rglob("run.json"))
    match kind:
        case "symbolic link":
            run.rename(tmp_path / "elsewhere.json")
            run.symlink_to(tmp_path / "elsewhere.json")
        case "hard link":
            os.link(run, tmp_path / "elsewhere.json")
        case "linked folder":
            run.parent.rename(tmp_path / "elsewhere")
            run.parent.symlink_to(tmp_path / "elsewhere")
        case "pipe":
            run.unlink()
            os.mkfifo(run)
    said = {"linked folder": "symbolic link", "pipe": "neither a file"}.get(kind, kind)
    assert_nothing_gets_in(source, said)


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice_or_in_other_capitals_refuses_the_archive(
    assert_nothing_gets_in, exported, tmp_path, kind
):
    write: Any = hostile.write_zip if kind == "zip" else hostile.write_tar
    name = next(name for name in exported if name.endswith("run.json"))
    source = write(tmp_path / f"bad.{kind}", [*exported.items(), (name, b"{}")])
    assert_nothing_gets_in(source, "is there twice")
    other = name.replace("synthetic", "Synthetic")
    source = write(tmp_path / f"bad.{kind}", [*exported.items(), (other, b"{}")])
    assert_nothing_gets_in(source, "differ in capitals only")


# --- bombs and sizes


def test_a_zip_bomb_is_refused_before_it_is_unpacked(
    assert_nothing_gets_in, exported, tmp_path, monkeypatch
):
    monkeypatch.setattr(members, "FREE_BYTES", 2**16)
    name = next(name for name in exported if name.endswith("run.json"))
    source = hostile.write_zip(tmp_path / "bad.zip", [(name, bytes(2**25))])
    assert_nothing_gets_in(source, "unpacks to more than 200 times")


def test_a_gzip_bomb_stops_where_it_exceeds_what_is_taken(
    assert_nothing_gets_in, exported, tmp_path, monkeypatch
):
    source = tmp_path / "bad.tar.gz"
    source.write_bytes(hostile.bomb(2**25))
    assert_nothing_gets_in(source, "bad.tar.gz")
    monkeypatch.setattr(members, "FREE_BYTES", 2**16)
    place = next(name for name in exported if name.endswith("scores.parquet"))
    hostile.write_tar(source, [(place, bytes(2**25))])
    assert_nothing_gets_in(source, "unpacks to more than 200 times")


def test_endless_headers_of_a_tar_are_refused(assert_nothing_gets_in, tmp_path):
    info = tarfile.TarInfo("a/b/c/d/e/run.json")
    info.pax_headers = {"comment": "x" * 2**22}
    source = hostile.write_tar(tmp_path / "bad.tar.gz", [(info, b"{}")])
    assert_nothing_gets_in(source, "headers of more than")


def test_members_that_are_larger_than_taken_are_refused(
    assert_nothing_gets_in, exported, tmp_path, monkeypatch
):
    monkeypatch.setitem(layout.MAX_BYTES, "run.json", 100)
    for name, write in (("a.zip", hostile.write_zip), ("a.tar.gz", hostile.write_tar)):
        assert_nothing_gets_in(write(tmp_path / name, exported.items()), "100 are taken")
    folder = hostile.write_folder(tmp_path / "a", exported)
    assert_nothing_gets_in(folder, "100 are taken")


def test_a_zip_that_declares_less_than_it_holds_is_refused(
    assert_nothing_gets_in, exported, tmp_path
):
    source = hostile.write_zip(tmp_path / "bad.zip", exported.items())
    content = bytearray(source.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = content.rfind(signature)
        content[at + offset : at + offset + 4] = struct.pack("<I", 10)
    source.write_bytes(content)
    assert_nothing_gets_in(source, "not a whole zip")


def test_too_many_members_or_bytes_are_refused(
    assert_nothing_gets_in, exported, tmp_path, monkeypatch
):
    sources = [
        hostile.write_zip(tmp_path / "a.zip", exported.items()),
        hostile.write_tar(tmp_path / "a.tar.gz", exported.items()),
        hostile.write_folder(tmp_path / "a", exported),
    ]
    with monkeypatch.context() as patch:
        patch.setattr(members, "MAX_MEMBERS", 3)
        for source in sources:
            assert_nothing_gets_in(source, "more than the 3 members")
    monkeypatch.setattr("results.exchange.unpacking.MAX_TOTAL", 5000)
    for source in sources:
        assert_nothing_gets_in(source, "more than the 5000 bytes")


def test_a_table_of_contents_without_end_is_refused(
    assert_nothing_gets_in, exported, tmp_path, monkeypatch
):
    monkeypatch.setattr(members, "MAX_DIRECTORY", 200)
    source = hostile.write_zip(tmp_path / "a.zip", exported.items())
    assert_nothing_gets_in(source, "table of contents")


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
@pytest.mark.parametrize("cut", [0, 10, 0.5, 0.98])
def test_a_truncated_archive_is_refused(assert_nothing_gets_in, exported, tmp_path, kind, cut):
    write: Any = hostile.write_zip if kind == "zip" else hostile.write_tar
    source = write(tmp_path / f"bad.{kind}", exported.items())
    content = source.read_bytes()
    source.write_bytes(content[: cut if isinstance(cut, int) else int(cut * len(content))])
    assert_nothing_gets_in(source, f"bad.{kind}")


def test_an_encrypted_or_oddly_packed_zip_is_refused(assert_nothing_gets_in, exported, tmp_path):
    with zipfile.ZipFile(tmp_path / "bad.zip", "w", zipfile.ZIP_LZMA) as archive:
        for name, content in exported.items():
            archive.writestr(name, content)
    assert_nothing_gets_in(tmp_path / "bad.zip", "packed in a way")
    source = hostile.write_zip(tmp_path / "bad.zip", exported.items())
    content = bytearray(source.read_bytes())
    at = content.find(b"PK\x01\x02")
    content[at + 8] |= 1
    source.write_bytes(content)
    assert_nothing_gets_in(source, "encrypted")


# --- the manifest


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        (b"", "not JSON"),
        (b"[" * 100_000, "nested too deep"),
        (b"[]", "not what `cadbench export` writes"),
        (b'{"format": 1, "format": 1}', "twice"),
        (b"\xff\xfe", "not JSON"),
        (b'{"format": NaN}', "not JSON"),
    ],
)
def test_a_manifest_that_is_none_refuses_the_export(
    assert_nothing_gets_in, exported, tmp_path, manifest, said
):
    source = hostile.write_zip(tmp_path / "bad.zip", {**exported, MANIFEST_FILE: manifest}.items())
    assert_nothing_gets_in(source, said)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 2}, "with format 2, this cadbench reads 1"),
        ({"schema": 1}, "with schema 1, this cadbench reads 2"),
        ({"schema": 1, "cadbench": "\x1b[31m"}, r"cadbench '\x1b[31m'"),
        ({"files": {}}, "lists no files"),
        ({"files": {"../x": {"bytes": 1, "sha256": "0" * 64}}}, "leads out"),
        ({"files": {"a/b/c/d/e/run.json": {"bytes": -1, "sha256": "0" * 64}}}, "size and SHA-256"),
        ({"files": {"a/b/c/d/e/run.json": 5}}, "size and SHA-256"),
        ({"more": 1}, "not what `cadbench export` writes"),
    ],
)
def test_a_manifest_of_other_contents_refuses_the_export(
    assert_nothing_gets_in, exported, tmp_path, changes, said
):
    entries = hostile.listed(exported, **changes)
    assert_nothing_gets_in(hostile.write_zip(tmp_path / "bad.zip", entries.items()), said)


def test_an_archive_without_a_manifest_is_refused(assert_nothing_gets_in, exported, tmp_path):
    files = {name: content for name, content in exported.items() if name != MANIFEST_FILE}
    assert_nothing_gets_in(hostile.write_zip(tmp_path / "a.zip", files.items()), "cadbench export")
    (tmp_path / "empty").mkdir()
    assert_nothing_gets_in(tmp_path / "empty", "cadbench export")


@pytest.mark.parametrize("name", ["nowhere", "nowhere.zip", "archive.7z", "a.tar"])
def test_what_is_not_there_is_wrong_usage(assert_nothing_gets_in, tmp_path, name):
    assert_nothing_gets_in(tmp_path / name, name, code=2)


# --- records that are not what they say


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
        (set_in("seconds", "fast"), "'seconds' is not"),
        (set_in("seconds.total", "fast"), "'seconds.total' is not"),
        (set_in("seconds.total", -1.0), "'seconds.total' is not"),
        (set_in("device", "cpu\x1b]0;owned\x07"), r"\x1b]0;owned\x07"),
        (set_in("notes", ["half \ud800"]), r"\ud800"),
        (set_in("notes", ["x" * 5000]), "5000 characters"),
        (set_in("surprise", 1), "unknown entries: 'surprise'"),
        (set_in("experiences", [["apple"], ["bolt"]]), "experiences and the order"),
        (set_in("experiences", [["apple", "bolt"], ["cork"]]), "not those of the schedule 1x3"),
        (set_in("experiences", [["apple"], ["apple"], ["cork"]]), "each category once"),
        (set_in("protocol", "other@1"), "protocol is not that of its cell"),
        (set_in("cell.routing", "psychic"), "'cell.routing' is not"),
        (set_in("cell.seed", -1), "seed"),
        (set_in("cell.seed", True), "'cell.seed' is not"),
        (set_in("cell.schedule", "3"), "not those of the schedule 3"),
        (set_in("cell.preprocessing", {"resize": 256, "crop": 200}), "is kept for crop 224"),
        (set_in("cell.preprocessing", {"resize": "big"}), "contradicts itself"),
        (set_in("cell.method.params", ["a"]), "'cell.method.params' is not"),
        (set_in("cell.method.name", "me\ncad"), r"me\ncad"),
        (set_in("cell.manifest", "../x"), "cell.manifest"),
        (set_in("checksums", {}), "checksums"),
        (set_in("maps", "some"), "'maps' is not"),
        (set_in("cell", []), "does not hold a record"),
    ],
)
def test_a_run_file_that_lies_is_left_out(assert_nothing_gets_in, exported, tmp_path, change, said):
    entries = hostile.with_run(exported, change, keyed="does not hold" not in said)
    assert_nothing_gets_in(hostile.write_zip(tmp_path / "a.zip", entries.items()), said, "left out")


def test_a_key_that_is_not_that_of_its_cell_is_refused(assert_nothing_gets_in, exported, tmp_path):
    entries = hostile.with_run(exported, set_in("cell.method.version", "2"), keyed=False)
    source = hostile.write_zip(tmp_path / "a.zip", entries.items())
    assert_nothing_gets_in(source, "its key is not that of its cell")


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
        ("scores", lambda f: f[1:], "the test images of apple after experience 1 are not those"),
        ("scores", lambda f: f.assign(category="plum"), "a category of no experience: plum"),
        ("scores", lambda f: f.assign(experience=9), "experiences outside 1 to 3"),
        ("scores", lambda f: f.assign(defect="\x1b[2J"), r"\x1b[2J"),
        ("events", lambda f: f.assign(chosen=True), "to several"),
        ("events", lambda f: f.drop(columns="reason"), "without reason"),
        ("events", lambda f: f.assign(category="plum"), "assigns a category of no experience"),
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
    assert_nothing_gets_in(source, "rows, 5000 are taken")
    monkeypatch.setattr(tables, "MAX_TABLE_BYTES", 400_000)
    entries = hostile.with_file(exported, "scores.parquet", scores_with(exported, long_text))
    source = hostile.write_zip(tmp_path / "a.zip", entries.items())
    assert_nothing_gets_in(source, "more than 400000 bytes")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + bytes(100) + b"PAR1", b"\x80\x04N."])
def test_a_table_that_is_no_parquet_is_refused(assert_nothing_gets_in, exported, tmp_path, content):
    entries = hostile.with_file(exported, "events.parquet", content)
    source = hostile.write_zip(tmp_path / "a.zip", entries.items())
    assert_nothing_gets_in(source, "events.parquet is not a whole Parquet file")


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
        (npy(np.ones((63, 2, 2), np.float32)), "not float16 maps of the 63 scores"),
        (npy(np.ones((62, 2, 2), np.float16)), "not float16 maps of the 63 scores"),
        (npy(np.full((63, 2, 2), np.nan, np.float16)), "not finite"),
        (b"\x93NUMPY\x01\x00\x10\x00{'descr': exec()", "cannot read maps.npy"),
    ],
    ids=["object array", "pickle", "float32", "too few", "nan", "header"],
)
def test_maps_that_are_none_are_refused_and_never_unpickled(
    assert_nothing_gets_in, exported, tmp_path, content, said
):
    entries = hostile.with_file(exported, "maps.npy", content)
    entries = hostile.with_run(entries, set_in("maps", "final"))
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
    assert (again.code, again.out) == (1, f"2 there already in {there}\n")
    assert "scores.parquet is missing" in again.err


# --- what is there already


def faster(run: dict[str, Any]) -> None:
    run["seconds"]["total"] = 0.5


def test_another_record_of_the_cell_is_refused_without_overwrite(call, exported, out, tmp_path):
    source = hostile.write_zip(tmp_path / "a.zip", hostile.with_run(exported, faster).items())
    before = files_under(out)
    refused = call("import", source, "--out", out)
    assert_refused(refused, 1, "another record of this cell", "differs in seconds", "--overwrite")
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
    from results.locks import record_lock
    from results.store import record_dir

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
        assert "<img" not in said.out
        assert "<b>" not in said.out
        assert "](javascript" not in said.out
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
