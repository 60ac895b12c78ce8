"""An export that could do harm is refused as a whole, in one line, and nothing is written."""

from __future__ import annotations

import gzip
import os
import stat
import struct
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cadbench.results.exchange import archives
from cadbench.results.exchange import limits as layout
from cadbench.results.exchange.limits import MANIFEST_FILE
from cadbench.results.sanitizing import is_printable
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.benchmark.cli import exchange
from tests.benchmark.cli.test_errors import assert_refused
from tests.results import hostile

make_record = exchange.make_record
there = exchange.there
exported = exchange.exported
assert_nothing_gets_in = exchange.assert_nothing_gets_in


# --- hostile names and members


BAD_NAMES = {
    "../outside": "points outside",
    "/etc/outside": "points outside",
    "C:/outside": "points outside",
    "C:outside": "points outside",
    "a\\..\\outside": "points outside",
    "a/../../outside": "points outside",
    "\\\\host\\share": "points outside",
    "a/b/c/d/e/f/g/run.json": "has too many folders",
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
@example("\x00")
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
    assert_nothing_gets_in(source, "occurs twice")
    other = name.replace("synthetic", "Synthetic")
    source = write(tmp_path / f"bad.{kind}", [*exported.items(), (other, b"{}")])
    assert_nothing_gets_in(source, "differ only in upper and lower case")


# --- bombs and sizes


def test_a_zip_bomb_is_refused_before_it_is_unpacked(
    assert_nothing_gets_in, exported, tmp_path, monkeypatch
):
    monkeypatch.setattr(archives, "FREE_BYTES", 2**16)
    name = next(name for name in exported if name.endswith("run.json"))
    source = hostile.write_zip(tmp_path / "bad.zip", [(name, bytes(2**25))])
    assert_nothing_gets_in(source, "unpacks to more than 200 times")


def test_a_gzip_bomb_stops_where_it_exceeds_what_is_taken(
    assert_nothing_gets_in, exported, tmp_path, monkeypatch
):
    source = tmp_path / "bad.tar.gz"
    source.write_bytes(hostile.bomb(2**25))
    assert_nothing_gets_in(source, "bad.tar.gz")
    monkeypatch.setattr(archives, "FREE_BYTES", 2**16)
    place = next(name for name in exported if name.endswith("scores.parquet"))
    hostile.write_tar(source, [(place, bytes(2**25))])
    assert_nothing_gets_in(source, "unpacks to more than 200 times")


def test_endless_headers_of_a_tar_are_refused(assert_nothing_gets_in, tmp_path):
    info = tarfile.TarInfo("a/b/c/d/e/run.json")
    info.pax_headers = {"comment": "x" * 2**22}
    source = hostile.write_tar(tmp_path / "bad.tar.gz", [(info, b"{}")])
    assert_nothing_gets_in(source, "headers or padding")


def test_members_that_are_larger_than_taken_are_refused(
    assert_nothing_gets_in, exported, tmp_path, monkeypatch
):
    monkeypatch.setitem(layout.MAX_BYTES, "run.json", 100)
    for name, write in (("a.zip", hostile.write_zip), ("a.tar.gz", hostile.write_tar)):
        assert_nothing_gets_in(write(tmp_path / name, exported.items()), "the limit is 100")
    folder = hostile.write_folder(tmp_path / "a", exported)
    assert_nothing_gets_in(folder, "the limit is 100")


def test_a_zip_that_declares_less_than_it_holds_is_refused(
    assert_nothing_gets_in, exported, tmp_path
):
    source = hostile.write_zip(tmp_path / "bad.zip", exported.items())
    content = bytearray(source.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = content.rfind(signature)
        content[at + offset : at + offset + 4] = struct.pack("<I", 10)
    source.write_bytes(content)
    assert_nothing_gets_in(source, "not a complete zip")


def test_too_many_members_or_bytes_are_refused(
    assert_nothing_gets_in, exported, tmp_path, monkeypatch
):
    sources = [
        hostile.write_zip(tmp_path / "a.zip", exported.items()),
        hostile.write_tar(tmp_path / "a.tar.gz", exported.items()),
        hostile.write_folder(tmp_path / "a", exported),
    ]
    with monkeypatch.context() as patch:
        patch.setattr(archives, "MAX_MEMBERS", 3)
        for source in sources:
            assert_nothing_gets_in(source, "more than 3 members")
    monkeypatch.setattr("cadbench.results.exchange.unpacking.MAX_TOTAL", 5000)
    for source in sources:
        assert_nothing_gets_in(source, "more than 5000 bytes")


def test_a_table_of_contents_without_end_is_refused(
    assert_nothing_gets_in, exported, tmp_path, monkeypatch
):
    monkeypatch.setattr(archives, "MAX_DIRECTORY", 200)
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
    assert_nothing_gets_in(tmp_path / "bad.zip", "compressed with an unsupported method")
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
        (b"[" * 100_000, "nested more than 64 deep"),
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
        ({"files": {"../x": {"bytes": 1, "sha256": "0" * 64}}}, "points outside"),
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


def test_a_damaged_checksum_or_data_after_the_end_refuses_the_archive(
    assert_nothing_gets_in, exported, tmp_path
):
    whole = hostile.write_tar(tmp_path / "whole.tar.gz", exported.items()).read_bytes()
    wrong = bytearray(whole)
    wrong[-6] ^= 1  # the CRC-32 before the size
    plain = gzip.decompress(whole)
    for content, said in (
        (bytes(wrong), "not a complete tar.gz"),
        (whole + b"more", "not a complete tar.gz"),
        (whole + gzip.compress(b"more"), "data after the end"),
        (gzip.compress(plain + b"more"), "data after the end"),
        (gzip.compress(plain[: -tarfile.BLOCKSIZE] + b"x" * tarfile.BLOCKSIZE), "data after"),
        (gzip.compress(plain + bytes(3 * 2**20)), "headers or padding"),
    ):
        (tmp_path / "a.tar.gz").write_bytes(content)
        assert_nothing_gets_in(tmp_path / "a.tar.gz", said)


def test_data_after_the_end_of_a_zip_refuses_it(assert_nothing_gets_in, exported, tmp_path):
    archive = hostile.write_zip(tmp_path / "a.zip", exported.items())
    archive.write_bytes(archive.read_bytes() + b"more")
    assert_nothing_gets_in(archive, "data after the end of the zip")
