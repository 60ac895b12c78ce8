"""Several datasets as one: how they are found and called, and that nothing else changes."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import pytest
from cadbench.benchmark.data.images.masks import read_mask_files
from cadbench.benchmark.data.manifest import build_manifest
from cadbench.benchmark.data.opening.category_counts import count_categories
from cadbench.benchmark.data.opening.locations import DataRoots
from cadbench.benchmark.data.opening.open_dataset import dataset_option_of_record, open_dataset
from cadbench.benchmark.protocols.builtin import builtin_names, find_protocol
from cadbench.benchmark.system.reporting import Silent
from cadbench.results.errors import CadbenchError, DataError, UsageError

from tests.benchmark.data.readers import miniatures as mini


class Listening(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.warnings: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture
def sets(tmp_path: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with MVTec AD, VisA, BTAD and one of one's own, under usual names."""
    folder = tmp_path / "sets"
    mini.draw_mvtec(folder / "mvtec_anomaly_detection", ("bottle", "screw"))
    mini.draw_visa(folder / "VisA_20220922")
    mini.draw_btad(folder / "BTech_Dataset_transformed")
    shutil.copytree(dataset, folder / "parts")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.delenv("CADBENCH_DATA", raising=False)
    return folder


def opened(dataset, roots=None, categories=None, said=None, **options):
    return open_dataset(
        dataset,
        roots,
        categories,
        skip_unreadable=False,
        cache=Path("cache"),
        reporter=said or Silent(),
        **options,
    )


def refusal(*words, **options) -> CadbenchError:
    with pytest.raises(CadbenchError) as caught:
        opened(*words, **options)
    assert "\n" not in str(caught.value)
    return caught.value


def test_categories_of_several_are_qualified_and_files_are_found_below_their_roots(sets):
    said = Listening()
    manifest = opened("visa,mvtec", sets, said=said)
    assert manifest.name == "mvtec+visa"
    assert manifest.categories == ("mvtec/bottle", "mvtec/screw", "visa/candle", "visa/pcb1")
    assert [line.partition(",")[0] for line in said.lines] == [
        "dataset: MVTec AD",
        "dataset: VisA",
    ]
    for item in manifest.items:
        assert (manifest.root / item.path).is_file()
        if item.mask is not None:
            assert read_mask_files(manifest.root, item.mask_paths, item.mask).any()
    assert str(manifest.root) == (
        f"mvtec={sets / 'mvtec_anomaly_detection'}, visa={sets / 'VisA_20220922'}"
    )
    (counts,) = (line for line in said.warnings if "not the official" in line)
    assert "not the official MVTec AD and VisA (train/good/defective): mvtec/bottle 3/2/2" in counts
    assert "visa/pcb1 3/2/2 instead of 904/100/100" in counts
    rows = {row.category: row.published for row in count_categories(manifest)}
    assert rows["mvtec/screw"] == (320, 41, 119)
    assert rows["visa/candle"] == (900, 100, 100)


def test_the_images_and_their_hashes_are_those_of_each_data_set_alone(sets):
    joined = opened("mvtec,visa", sets)
    assert joined.hash == opened("visa,mvtec,visa", sets).hash
    alone = opened("visa", sets)
    assert alone.categories == ("candle", "pcb1")
    assert [i.content for i in joined.test("visa/pcb1")] == [i.content for i in alone.test("pcb1")]
    assert [i.mask for i in joined.test("visa/pcb1")] == [i.mask for i in alone.test("pcb1")]
    assert opened("mvtec,visa", sets, ["visa/pcb1", "mvtec/screw"]).hash != joined.hash


@pytest.mark.parametrize("where", ["option", "variable", "names", "data folder"])
def test_data_sets_are_found_by_their_usual_names_or_by_their_own_roots(sets, where, monkeypatch):
    roots: DataRoots | Path | None = None
    if where == "option":
        roots = sets
    elif where == "variable":
        monkeypatch.setenv("CADBENCH_DATA", str(sets))
    elif where == "names":
        names = {"btad": "BTech_Dataset_transformed", "visa": "VisA_20220922"}
        roots = DataRoots.parse([f"{name}={sets / folder}" for name, folder in names.items()])
    else:
        sets.rename("data")
    assert opened("visa,btad", roots).categories == (
        *("btad/01", "btad/02", "btad/03"),
        *("visa/candle", "visa/pcb1"),
    )


def test_folders_of_ones_own_take_part_by_name(sets, monkeypatch):
    roots = DataRoots.parse([f"line={sets / 'parts'}", f"visa={sets / 'VisA_20220922'}"])
    expected = ("line/cup", "line/nut", "visa/candle", "visa/pcb1")
    assert opened("line,visa", roots).categories == expected
    assert opened("auto", roots).categories == expected, "auto takes what was named"
    monkeypatch.setenv("CADBENCH_DATA", str(sets))
    assert opened("parts").name == "parts"
    assert opened("parts,synthetic").name == "parts+synthetic"
    assert opened("folder,synthetic", sets / "parts").name == "parts+synthetic"
    build = build_manifest("x", sets / "parts", workers=0)
    assert opened("parts").hash == opened("folder", sets / "parts").hash == build.hash


def test_auto_recognizes_the_named_folder_and_names_what_a_parent_holds(sets, monkeypatch):
    for folder, name in (("VisA_20220922", "visa"), ("BTech_Dataset_transformed", "btad")):
        assert opened("auto", sets / folder).name == name
    monkeypatch.setenv("CADBENCH_DATA", str(sets))
    assert opened("auto").name == "mvtec"
    shutil.rmtree(sets / "mvtec_anomaly_detection")
    said = Listening()
    assert opened("auto", said=said).name == "synthetic"
    assert said.lines[0].endswith("holds btad, visa, parts: choose one with --dataset)")


def test_a_description_in_the_folder_comes_before_what_it_looks_like(sets):
    root = sets / "mvtec_anomaly_detection"
    (root / "cadbench-data.toml").write_text(
        'name = "My Set"\ngood = "{category}/train/good/*.png"\n'
        'test_good = "{category}/test/good/*.png"\ndefect = "{category}/test/{defect}/*.png"\n'
    )
    said = Listening()
    manifest = opened("auto", root, said=said)
    assert (manifest.name, manifest.categories) == ("my-set", ("bottle", "screw"))
    assert said.lines[0].endswith("described by cadbench-data.toml")
    assert opened("folder", root / "cadbench-data.toml").hash == manifest.hash


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("mvtec,vias",), "unknown dataset 'vias' (did you mean visa?)"),
        (("mvtec,auto",), "write auto, or names separated by commas"),
        ((",",), "write auto, or names separated by commas"),
        (("mvtec,visa", ["bottle"]), "unknown category 'bottle' (did you mean mvtec/bottle?)"),
        (("mvtec,visa", ["viza/pcb1"]), "unknown category 'viza/pcb1' (did you mean visa?)"),
        (("mvtec,visa", ["visa/pcb1", "mvtec/botle"]), "of MVTec AD (did you mean bottle?)"),
        (("mvtec,visa", ["visa/pcb1"]), "categories has no category of mvtec"),
        (("prats,visa",), "(did you mean parts?)"),
    ],
)
def test_wrong_names_and_categories_are_wrong_usage(sets, words, said):
    dataset, *categories = words
    error = refusal(dataset, sets, *categories)
    assert isinstance(error, UsageError)
    assert said in str(error)


def test_wrong_roots_are_wrong_usage(sets):
    named = DataRoots.parse([f"viza={sets}", f"mvtec={sets}"])
    assert "viza=: dataset mvtec,visa does not name it (did you mean visa?)" in str(
        refusal("mvtec,visa", named)
    )
    for texts, said in (
        ([str(sets), "elsewhere"], "write NAME=FOLDER if there is"),
        ([f"visa={sets}", "visa=elsewhere"], "visa= is given twice"),
    ):
        with pytest.raises(UsageError, match=said):
            DataRoots.parse(texts)
    twins = DataRoots((("parts", sets / "parts"),), sets / "parts")
    assert "two of folder, parts have the name parts" in str(refusal("folder,parts", twins))
    drawn = DataRoots((("synthetic", Path("x")),), sets)
    assert "needs no folder" in str(refusal("synthetic,parts", drawn))


def test_a_folder_whose_name_has_an_equals_sign_is_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a=b").mkdir()
    assert DataRoots.parse(["a=b"]) == DataRoots(default=Path("a=b"))


def test_a_data_set_that_is_not_there_tells_where_to_get_it(sets):
    error = refusal("mvtec,real_iad", sets)
    assert isinstance(error, DataError)
    assert "Real-IAD not found in" in str(error)
    assert "huggingface.co/datasets/Real-IAD" in str(error)


def test_the_data_sets_of_a_record_are_found_again(sets):
    assert dataset_option_of_record("mvtec+visa") == "mvtec,visa"
    assert dataset_option_of_record("parts") == "folder"
    manifest = opened(
        dataset_option_of_record("mvtec+visa"), sets, ["visa/pcb1"], require_every_dataset=False
    )
    assert manifest.categories == ("visa/pcb1",)
    assert manifest.name == "visa"


def test_the_built_in_protocols_over_two_data_sets_name_every_category_of_both():
    names = [name for name in builtin_names() if "visa" in name]
    assert len(names) == 4
    for name in names:
        protocol = find_protocol(name)
        assert len(protocol.categories) == 27
        (order,) = protocol.official_orders(protocol.categories)
        first = name.partition("-")[0]
        assert order.categories[0].startswith(f"{first}/")
        datasets = [category.partition("/")[0] for category in order.categories]
        assert len(list(dict.fromkeys(datasets))) == 2
        assert sum(a != b for a, b in itertools.pairwise(datasets)) == 1
        assert protocol.settings.generated_id == protocol.id
