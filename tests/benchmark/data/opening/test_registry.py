"""Readers as plugins: found by name, and a broken one is an error of its own only."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cadbench.benchmark.data.opening import registry as datasets
from cadbench.benchmark.system import entry_points

from tests.benchmark.cli.test_errors import assert_refused
from tests.benchmark.conftest import Called
from tests.benchmark.data.readers.miniatures import Pen

Call = Callable[..., Called]

FLAT = """
from pathlib import PurePosixPath
from cadbench import Entry, Reader

class Flat(Reader):
    '''One category, told by the beginning of its files' names.'''
    title = "Flat"
    source = "example.org/flat"
    layout = "ok-*.png and ko-*.png"
    categories = ("flat",)
    folders = ("flat_v2",)

    def categories_in(self, root):
        return ["flat"] if any(root.glob("ok-*.png")) else []

    def entries(self, root, categories):
        good = sorted(path.name for path in root.glob("ok-*.png"))
        bad = sorted(path.name for path in root.glob("ko-*.png"))
        return [
            *(Entry("flat", "train", "good", name) for name in good[1:]),
            Entry("flat", "test", "good", good[0]),
            *(Entry("flat", "test", "ko", name) for name in bad),
        ]

class Unfinished(Reader):
    title = layout = "Unfinished"
    def entries(self, root, categories):
        return []

class Untitled(Flat):
    title = None

class Choosy(Flat):
    def __init__(self, why):
        pass

class Failing(Flat):
    def categories_in(self, root):
        raise RuntimeError("first\\nsecond")

class Mute(Flat):
    def announcement(self, name, root, found):
        return 1 / 0

class Unsure(Flat):
    def auto_rule(self, place):
        return place.nothing

class Greedy(Flat):
    categories = ()
    def categories_in(self, root):
        return ["everything"]
    def auto_rule(self, place):
        return "described"

def give(*entry):
    class Given(Flat):
        def entries(self, root, categories):
            return [*super().entries(root, categories), *entry]
    return Given

NoEntry = give("flat.png")
Stranger = give(Entry("round", "train", "good", "a.png"))
Validation = give(Entry("flat", "val", "good", "a.png"))
Taught = give(Entry("flat", "train", "ko", "a.png"))
Masked = give(Entry("flat", "test", "good", "a.png", "m.png"))
Outside = give(Entry("flat", "test", "ko", "../a.png"))
Absolute = give(Entry("flat", "test", "ko", "a.png", "/m.png"))
Twice = give(Entry("flat", "test", "ko", "ko-000.png"))
"""


@pytest.fixture(autouse=True)
def afresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget what was found and loaded, before and after."""

    def forget() -> None:
        entry_points.providers.cache_clear()
        datasets.load_reader.cache_clear()
        sys.modules.pop("flat_reader", None)

    monkeypatch.setattr(sys, "path", list(sys.path))
    forget()
    yield
    forget()


@pytest.fixture
def offer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Install a package as pip would leave it, with these entry points."""

    def offer(package: str = "flat-reader", **points: str) -> None:
        site = tmp_path / f"site-{package}"
        info = site / f"{package.replace('-', '_')}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        lines = "\n".join(f"{name} = {target}" for name, target in points.items())
        (info / "entry_points.txt").write_text(f"[cadbench.datasets]\n{lines}\n")
        (site / "flat_reader.py").write_text(FLAT)
        monkeypatch.syspath_prepend(site)
        entry_points.providers.cache_clear()

    return offer


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """The folder that `Flat` reads, under its usual name."""
    pen = Pen(tmp_path / "sets" / "Flat_v2")
    for number in range(3):
        pen.image(f"ok-{number:03}.png")
        pen.image(f"ko-{number:03}.png")
    return pen.root


def test_a_plugins_data_set_is_listed_recognized_and_opened_by_name(call, offer, images):
    offer(flat="flat_reader:Flat")
    for words in (["--dataset", "flat", "--data-root", images.parent], ["--data-root", images]):
        info = call("data", "info", *words)
        assert info.code == 0, info
        assert "dataset: Flat, 1 of 1 category, in " in info.err
        assert "| flat     |     2 |         1 |              3 |     0 | 8x6  |" in info.out
    listed = call("data", "info", "--data-root", images.parent)
    assert re.search(r"^\| flat +\| Flat +\| 1 of 1 category", listed.out, re.MULTILINE)
    missing = call("data", "info", "--dataset", "flat")
    assert_refused(missing, 1, "Flat not found in data: get Flat from example.org/flat, unpack it")
    assert_refused(call("data", "info", "--dataset", "falt"), 2, "did you mean flat?")


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("flat_reader:Flatt", "cannot be imported: AttributeError"),
        ("flat_raeder:Flat", "cannot be imported: ModuleNotFoundError"),
        ("flat_reader:give", "is not a subclass of cadbench.Reader"),
        ("flat_reader:Unfinished", "Unfinished does not define categories_in"),
        ("flat_reader:Untitled", "title must be a non-empty string, not None"),
        ("flat_reader:Choosy", "cannot be created without arguments"),
    ],
)
def test_a_broken_reader_is_named_where_it_is_used_and_disturbs_nothing(
    call, offer, dataset, target, said
):
    offer(mine=target)
    assert_refused(
        call("data", "info", "--dataset", "mine", "--data-root", dataset), 1, "'mine'", said
    )
    listed = call("data", "info", "-q", "--data-root", dataset)
    assert listed.code == 0, listed
    (row,) = (line for line in listed.out.splitlines() if line.startswith("| mine "))
    assert "broken: " in row
    assert said in row
    assert "### set" in listed.out


def test_a_reader_that_fails_or_claims_everything_does_not_change_what_auto_takes(
    call, offer, dataset
):
    plain = call("data", "info", "-q", "--data-root", dataset).out
    offer(failing="flat_reader:Failing", greedy="flat_reader:Greedy")
    found = call("data", "info", "-q", "--data-root", dataset).out
    assert found[found.index("### set") :] == plain[plain.index("### set") :]
    named = call("data", "info", "--dataset", "failing", "--data-root", dataset)
    assert_refused(
        named,
        1,
        "dataset failing: categories_in raised RuntimeError: first second (flat_reader.py",
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Mute", "dataset mine: its reader raised ZeroDivisionError: division by zero"),
        ("Unsure", "dataset mine: its reader raised AttributeError: 'NoneType' object"),
    ],
)
def test_whatever_call_of_a_reader_fails_it_is_one_line(call, offer, images, dataset, name, said):
    offer(mine=f"flat_reader:{name}")
    refused = call("data", "info", "--dataset", "mine", "--data-root", images)
    assert_refused(refused, 1, said)
    assert call("data", "info", "-q", "--data-root", dataset).code == 0


def test_two_packages_that_offer_one_name_are_both_named_and_others_go_on(call, offer, dataset):
    offer(
        "flat-one", flat="flat_reader:Flat", folder="cadbench.benchmark.data.readers.folder:Folder"
    )
    offer("flat-two", flat="flat_reader:Greedy")
    refused = call("data", "info", "--dataset", "flat", "--data-root", dataset)
    assert_refused(refused, 1, "'flat' is provided by", "flat-one 1.0", "flat-two 1.0", "uninstall")
    assert call("data", "info", "-q", "--dataset", "folder", "--data-root", dataset).code == 0


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("NoEntry", "its reader returned 'flat.png', which is not a cadbench.Entry"),
        ("Stranger", "category 'round', which was not requested"),
        ("Validation", "split 'val', which is neither train nor test"),
        ("Taught", "a.png as a training image with a defect"),
        ("Masked", "a mask for a.png, which is good"),
        ("Outside", "../a.png is outside the dataset's folder"),
        ("Absolute", "/m.png is outside the dataset's folder"),
        ("Twice", "ko-000.png in"),
    ],
)
def test_what_no_reader_may_give_is_refused_naming_the_data_set(call, offer, images, name, said):
    offer(mine=f"flat_reader:{name}")
    refused = call("data", "info", "-q", "--dataset", "mine", "--data-root", images)
    assert refused.code == 1
    assert said in refused.err
    assert refused.err.count("\n") == 1


def test_the_built_in_readers_are_installed_and_can_be_used():
    names = {"btad", "folder", "mpdd", "mvtec", "mvtec_loco", "real_iad", "synthetic", "visa"}
    assert set(datasets.dataset_names()) >= names
    for name in names:
        assert datasets.is_builtin(datasets.load_reader(name))
