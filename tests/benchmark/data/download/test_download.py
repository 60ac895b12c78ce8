"""A download ends with the whole dataset, or with one line, nothing half-made, and a way on."""

from __future__ import annotations

import io
import resource
import shutil
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from cadbench.benchmark.data.download import download as downloading
from cadbench.benchmark.data.download.download import download
from cadbench.benchmark.data.download.unpack import member_parts
from cadbench.benchmark.system.reporting import Silent
from cadbench.results.errors import CadbenchError, DataError, RecordError, UsageError
from cadbench.results.exchange import archives
from cadbench.results.storage.locks import record_lock
from hypothesis import example, given
from hypothesis import strategies as st

from tests.faults.downloads import HALF, PATIENCE, SCENARIOS, kill, play, stage
from tests.faults.loopback import Answer
from tests.faults.miniature import entry, files, pack


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda handle: None)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "data"


def assert_whole(folder: Path) -> None:
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert found == files()
    assert not folder.with_name("mini.partial").exists()


def bring(packed: bytes, root: Path, **options: Any) -> Path:
    """`download` where the archive was put at its place by hand: no server is asked."""
    (root / "mini.partial").mkdir(parents=True)
    whole = entry(packed, "http://127.0.0.1:9/none", **options)
    (root / "mini.partial" / whole.archives[0].file).write_bytes(packed)
    return download(whole, root, Silent(), PATIENCE)


# --- faults on the way


@pytest.mark.parametrize(
    "scenario", [each for each in SCENARIOS if not each.long], ids=lambda each: each.name
)
def test_after_a_fault_the_next_call_makes_it_whole(root, scenario):
    outcome = play(scenario, root)
    assert scenario.said in outcome.said
    assert bool(outcome.said) == bool(scenario.said)
    assert "\n" not in outcome.said
    assert not outcome.half_made
    assert bool(outcome.kept) == scenario.kept or not outcome.said
    if scenario.kept:
        assert outcome.asked[-1] == f"bytes={outcome.kept}-"  # what is there is not sent again
    if scenario.asked is not None:
        assert len(outcome.asked) == scenario.asked
    assert_whole(outcome.then)


@pytest.mark.parametrize("place", ["transfer", "unpack"])
def test_a_kill_loses_nothing_that_had_arrived(root, place):
    kept, seemed, asked = kill(root, place)
    assert not seemed
    assert asked == (("", f"bytes={kept}-") if place == "transfer" else ("",))
    assert_whole(root / "mini")


def test_an_address_that_is_gone_gives_way_to_the_next_one(root):
    with stage(root, Answer(status=404), Answer()) as on:
        first = on.whole.archives[0]
        two = replace(first, urls=(f"{on.server.url}?old", on.server.url))
        assert_whole(on.get(replace(on.whole, archives=(two,))))
        assert len(on.server.asked) == 2


def test_a_wrong_archive_is_set_aside_and_not_used_again(root):
    with stage(root, Answer(cut=HALF), Answer(status=403)) as on:
        with pytest.raises(CadbenchError, match="HTTP 403"):
            on.get()
        kept = on.partial / "mini.tar.xz"
        kept.write_bytes(b"?" * kept.stat().st_size)  # as on a failing disk
        on.server.answers = [Answer()]
        with pytest.raises(CadbenchError, match=r"SHA-256.*mini\.tar\.xz\.wrong"):
            on.get()
        assert not kept.exists()
        assert kept.with_name("mini.tar.xz.wrong").exists()
        assert_whole(on.get())


def test_too_little_space_is_said_before_anything_is_fetched(root, monkeypatch):
    usage = shutil._ntuple_diskusage(10**9, 10**9, 1000)  # type: ignore[attr-defined]
    monkeypatch.setattr(downloading.shutil, "disk_usage", lambda place: usage)
    with stage(root) as on:
        with pytest.raises(CadbenchError, match=r"needs about 1 MB .* but 0 MB are free"):
            on.get()
        assert on.server.asked == []
        assert not on.partial.exists()


# --- what is there already


def test_a_whole_data_set_is_left_alone_under_any_usual_name(root):
    with stage(root) as on:
        folder = on.get()
        folder.rename(root / "mini_ad")
        assert on.get() == root / "mini_ad"
        assert len(on.server.asked) == 1


def test_a_part_of_it_is_not_overwritten(root):
    with stage(root) as on:
        folder = on.get()
        lost = folder / "cup/train/good/000.png"
        lost.unlink()
        with pytest.raises(
            DataError, match=r"differs from the published dataset: cup \(train -1\)"
        ):
            on.get()
        assert not lost.exists()
        shutil.rmtree(folder)
        (folder / "mine").mkdir(parents=True)
        with pytest.raises(DataError, match="is not Mini AD; move it away"):
            on.get()


def test_another_data_set_does_not_get_it_inside(root, dataset):
    with stage(dataset) as on:
        (dataset / "nut").rename(dataset / "bolt")
        (dataset / "cup").rename(dataset / "plate")
        with pytest.raises(UsageError, match="is itself a dataset"):
            on.get()


def test_two_at_once_do_not_meet(root):
    with stage(root) as on, record_lock(root / "mini", wait=False):
        with pytest.raises(CadbenchError, match="another cadbench process is downloading"):
            on.get()
        assert on.server.asked == []


def test_what_is_to_be_got_by_hand_is_not_fetched(root):
    with stage(root) as on:
        with pytest.raises(UsageError, match=r"manually from https://mini\.example: make it"):
            on.get(replace(on.whole, access="by hand"))
        assert on.server.asked == []


# --- unpacking


@pytest.mark.parametrize("kind", ["tar", "tar.xz", "zip"])
def test_a_folder_in_the_archive_becomes_the_data_set_and_hidden_files_stay_out(root, kind):
    content = {f"Inner/{name}": data for name, data in files().items()}
    content |= {"__MACOSX/Inner/x.png": b"x", "Inner/.DS_Store": b"x", "Inner/cup/._a.png": b"x"}
    assert_whole(bring(pack(content.items(), kind), root, kind=kind, inside="Inner"))


def test_an_archive_of_other_content_is_refused(root):
    content = dict(files())
    del content["nut/test/dent/001.png"], content["nut/ground_truth/dent/001_mask.png"]
    with pytest.raises(DataError, match=r"nut \(test defective -1, masks -1\)"):
        bring(pack(content.items(), "tar"), root, kind="tar")
    assert not (root / "mini").exists()


def test_a_disk_that_fills_up_while_unpacking_leaves_the_archive(root):
    with stage(root) as on:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        on.partial.mkdir(parents=True)
        (on.partial / "mini.tar.xz").write_bytes(on.server.body)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))  # less than one image
        try:
            with pytest.raises(CadbenchError, match=r"no space left .* --root or CADBENCH_DATA"):
                on.get()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert not (root / "mini").exists()
        assert_whole(on.get())
        assert on.server.asked == []


def special(kind: bytes, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo("cup/train/good/evil.png")
    info.type, info.linkname = kind, link
    return info


def bad_mode(mode: int) -> bytes:
    buffer = io.BytesIO(pack(files().items(), "zip"))
    with zipfile.ZipFile(buffer, "a") as archive:
        info = zipfile.ZipInfo("cup/evil.png")
        info.external_attr = mode << 16
        archive.writestr(info, "/etc/passwd")
    return buffer.getvalue()


EVIL: dict[str, tuple[Any, str]] = {
    "traversal": ("../outside.png", "points outside the folder"),
    "deep traversal": ("cup/../../outside.png", "points outside the folder"),
    "absolute": ("/tmp/cadbench-evil/outside.png", "points outside the folder"),
    "backslashes": ("..\\outside.png", "points outside the folder"),
    "drive": ("C:/outside.png", "points outside the folder"),
    "control characters": ("cup/\x1b[31m.png", "not a plain name"),
    "too deep": ("a/" * 20 + "x.png", "too long or nested too deeply"),
    "twice": ("cup/train/good/000.png", "occurs twice"),
    "file as folder": ("cup/train/good/000.png/x.png", "cannot write"),
    "symbolic link": (special(tarfile.SYMTYPE, "/etc/passwd"), "is a symbolic link"),
    "hard link": (special(tarfile.LNKTYPE, "/etc/passwd"), "is a hard link"),
    "link to a folder": (special(tarfile.SYMTYPE, "../.."), "is a symbolic link"),
    "device": (special(tarfile.CHRTYPE), "neither a file nor a folder"),
    "pipe": (special(tarfile.FIFOTYPE), "neither a file nor a folder"),
}


@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, "tar") for name in EVIL]
    + [(name, "zip") for name, (member, _) in EVIL.items() if isinstance(member, str)],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_could_do_harm_refuses_the_archive(root, tmp_path, name, kind):
    member, said = EVIL[name]
    packed = pack([*files().items(), (member, b"evil")], kind)
    with pytest.raises(CadbenchError, match=said) as refused:
        bring(packed, root, kind=kind)
    assert "\n" not in str(refused.value)
    assert not (root / "mini").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"data"}
    assert not Path("/tmp/cadbench-evil").exists()


@pytest.mark.parametrize(("mode", "said"), [(0o120777, "symbolic link"), (0o20777, "neither")])
def test_a_link_or_device_in_a_zip_refuses_it(root, mode, said):
    with pytest.raises(DataError, match=said):
        bring(bad_mode(mode), root, kind="zip")
    assert not (root / "mini").exists()


@pytest.mark.parametrize("kind", ["tar.xz", "zip"])
def test_a_bomb_is_stopped(root, monkeypatch, kind):
    monkeypatch.setattr(archives, "FREE_BYTES", 2**16)
    if kind == "zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("cup/train/good/000.png", bytes(2**24))
        packed = buffer.getvalue()
    else:
        packed = pack([("cup/train/good/000.png", bytes(2**24))], kind)
    with pytest.raises(DataError, match="unpacks to more than 20 times its size"):
        bring(packed, root, kind=kind)
    unpacked = root / "mini.partial" / "unpacked"
    assert sum(path.stat().st_size for path in unpacked.rglob("*.png")) < 2**22


@pytest.mark.parametrize("kind", ["tar", "tar.xz", "zip"])
def test_a_broken_archive_is_one_line(root, kind):
    with pytest.raises(DataError, match=f"not a complete {kind}"):
        bring(pack(files().items(), kind)[:HALF], root, kind=kind)
    assert not (root / "mini").exists()


@given(
    st.text(max_size=60) | st.lists(st.text(max_size=8) | st.just(".."), max_size=7).map("/".join),
    st.sampled_from(["", "Inner"]),
)
@example("./cup/train/good/000.png", "")
@example("Inner/..", "Inner")
def test_a_name_that_is_taken_stays_inside(name, inside):
    try:
        parts = member_parts(name, inside)
    except RecordError:
        return
    path = PurePosixPath("/base").joinpath(*parts)
    assert Path(path).resolve().is_relative_to("/base")
    assert "\x00" not in str(path)
