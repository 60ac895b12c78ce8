"""`cadbench data download`, `info NAME` and `verify`, as they are called."""

from __future__ import annotations

import io

import pytest
from cadbench.benchmark.data import catalog
from cadbench.benchmark.data.download import transfer as download_transfer
from cadbench.benchmark.data.opening.registry import dataset_names, load_reader

from tests.benchmark.cli.test_errors import assert_refused
from tests.faults.downloads import PATIENCE, stage
from tests.faults.loopback import Answer
from tests.faults.miniature import files


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def mini(tmp_path, monkeypatch):
    """A server with `mini`, which the catalog holds alone."""
    for name in dataset_names():  # readers take their facts from the catalog when they are imported
        load_reader(name)
    with stage(tmp_path / "data") as on:
        monkeypatch.setattr(catalog, "entry_names", lambda: ("mini",))
        monkeypatch.setattr(catalog, "load_entry", lambda name: on.whole)
        monkeypatch.setattr(download_transfer.RetryPolicy, "__init__", PATIENCE_INIT)
        yield on


def PATIENCE_INIT(self):
    vars(self).update(vars(PATIENCE))


def test_without_terminal_the_license_has_to_be_accepted_by_the_flag(call, mini):
    refused = call("data", "download", "mini", "--root", mini.root)
    assert_refused(refused, 2, "CC0", "https://mini.example/license", "--accept-license")
    assert mini.server.asked == []
    assert not mini.root.exists()


def test_download_says_what_comes_and_where_to_and_once_is_enough(call, mini):
    words = ("data", "download", "mini", "--root", mini.root, "--accept-license", "-q")
    called = call(*words)
    assert (called.code, called.err) == (0, "")
    for said in ("license: CC0", "everything", "0.00 GB", f"to: {mini.root / 'mini'}", "@article"):
        assert said in called.out
    assert sum(path.is_file() for path in (mini.root / "mini").rglob("*")) == len(files())
    again = call(*words)
    assert (again.code, again.out) == (0, f"Mini AD already exists: {mini.root / 'mini'}\n")
    assert len(mini.server.asked) == 1


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("\n", 1), ("", 1)])
def test_on_a_terminal_it_asks(call, mini, monkeypatch, answer, code):
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    called = call("data", "download", "mini", "--root", mini.root, "-q")
    assert called.code == code, called
    assert len(mini.server.asked) == (code == 0)
    assert mini.root.exists() == (code == 0)


def test_a_failure_is_one_line_that_says_how_to_go_on(call, mini):
    mini.server.answers = [Answer(cut=200_000), Answer(status=500)]
    words = ("data", "download", "mini", "--root", mini.root, "--accept-license")
    called = call(*words, "-q")
    assert called.code == 1
    assert called.err.count("\n") == 1
    assert "HTTP 500" in called.err
    assert "run the same command again to resume" in called.err
    assert str(mini.partial / "mini.tar.xz") in called.err
    mini.server.answers = [Answer()]
    assert "resuming after" in call(*words).err


def test_the_folder_is_that_of_the_environment_or_data(call, mini, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    words = ("data", "download", "mini", "--accept-license", "-q")
    assert call(*words).code == 0
    assert (tmp_path / "data" / "mini" / "cup").is_dir()
    monkeypatch.setenv("CADBENCH_DATA", str(tmp_path / "elsewhere"))
    assert call(*words).code == 0
    assert (tmp_path / "elsewhere" / "mini" / "cup").is_dir()


def test_verify_compares_and_exits_with_one_where_it_differs(call, mini):
    call("data", "download", "mini", "--root", mini.root, "--accept-license", "-q")
    whole = call("data", "verify", "mini", "--root", mini.root, "-q")
    assert (whole.code, whole.err) == (0, "")
    assert "2 categories, 14 images, all readable, as published" in whole.out
    (mini.root / "mini/cup/train/good/000.png").unlink()
    (mini.root / "mini/nut/test/good/000.png").write_bytes(b"no image")
    for words in (["mini", "--root", mini.root], ["--root", mini.root / "mini"]):
        odd = call("data", "verify", *words, "-q")
        assert odd.code == 1
        assert "train -1" in odd.out
        assert "cannot read nut/test/good/000.png" in odd.err
        assert "differs from the published counts: cup, nut" in odd.err


def test_verify_reads_a_folder_of_ones_own(call, dataset):
    folder = dataset(categories=("apple", "bolt"), train=2, good=2, defective=2)
    called = call("data", "verify", "--root", folder, "-q")
    assert called.code == 0
    assert "2 categories, 12 images, all readable\n" in called.out
    assert "published" not in called.out


def test_verify_without_data_says_where_it_looked(call, tmp_path):
    for words in ([], ["visa"]):
        refused = call("data", "verify", *words, "--root", tmp_path)
        assert_refused(refused, 1, str(tmp_path), "--data-root", "cadbench data info")


@pytest.mark.parametrize("name", catalog.entry_names())
def test_info_of_a_name_tells_license_citation_and_where_to_get_it(call, tmp_path, name):
    entry = catalog.load_entry(name)
    told = call("data", "info", name, "--data-root", tmp_path)
    assert (told.code, told.err) == (0, "")
    for said in (entry.title, entry.home, entry.license.url, entry.by_hand, entry.citation.key):
        assert said in told.out
    assert f"not found in {tmp_path}" in told.out


@pytest.mark.parametrize("name", ["mvtec", "mpdd"])
def test_info_of_a_name_tells_where_it_was_found(call, tmp_path, name):
    entry = catalog.load_entry(name)
    for category in entry.categories:
        (tmp_path / entry.folders[-1] / category / "train").mkdir(parents=True)
    told = call("data", "info", name, "--data-root", tmp_path).out
    assert f"here     {tmp_path / entry.folders[-1]}\n" in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["download", "mpdd"], ["manually", "https://github.com/stepanje/MPDD"]),
        (["download", "real_iad", "--accept-license"], ["manually", "huggingface.co"]),
        (["download", "mvtek"], ["did you mean mvtec?"]),
        (["info", "vissa"], ["did you mean visa?"]),
        (["verify", "btadd"], ["did you mean btad?"]),
        (["download"], ["NAME"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_what_cannot_be_had_is_wrong_usage(call, words, said):
    assert_refused(call("data", *words), 2, *said)


def test_info_takes_a_dataset_by_the_word_of_the_other_commands(call, dataset):
    root = dataset()
    named = call("data", "info", "folder", "--data-root", root, "-q")
    assert named.code == 0, named
    assert named.out == call("data", "info", "--dataset", "folder", "--data-root", root, "-q").out
    assert_refused(call("data", "info", "mvtek"), 2, "did you mean mvtec?")
