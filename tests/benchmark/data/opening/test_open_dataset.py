"""Opening a dataset by name: what `auto` finds and says, and what each refusal tells to do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cadbench.benchmark.data.catalog import Counts
from cadbench.benchmark.data.manifest import Manifest
from cadbench.benchmark.data.opening.category_counts import CategoryCounts, count_categories
from cadbench.benchmark.data.opening.open_dataset import open_dataset
from cadbench.benchmark.data.readers.mvtec import Mvtec
from cadbench.benchmark.system.reporting import Silent
from cadbench.results.errors import DataError, UsageError


class Listening(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.warnings: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture(autouse=True)
def _empty_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dataset: Path) -> None:
    """An empty working folder, and no variable set."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.delenv("CADBENCH_DATA", raising=False)


@pytest.fixture
def mvtec(dataset: Path, tmp_path: Path) -> Path:
    """Two categories under official names, in a subfolder with a usual name."""
    root = tmp_path / "sets" / "mvtec_ad"
    shutil.copytree(dataset / "cup", root / "bottle")
    shutil.copytree(dataset / "nut", root / "screw")
    (root / "license.txt").touch()
    return root


def opened(
    dataset: str, root: Path | None = None, categories: list[str] | None = None, **options: bool
) -> tuple[Manifest, Listening]:
    listening = Listening()
    manifest = open_dataset(
        dataset,
        root,
        categories,
        skip_unreadable=options.get("skip_unreadable", False),
        cache=Path("cache"),
        reporter=listening,
    )
    return manifest, listening


def test_the_official_counts_add_up_to_the_published_totals() -> None:
    assert len(Mvtec.counts) == 15
    assert [sum(column) for column in zip(*Mvtec.counts.values(), strict=True)] == [
        3629,
        467,
        1258,
    ]


def test_auto_falls_back_to_the_synthetic_set_and_says_so() -> None:
    manifest, said = opened("auto")
    assert manifest.name == "synthetic"
    (line,) = said.lines
    assert line.startswith("dataset: synthetic, 15 generated categories (MVTec AD was not found")


@pytest.mark.parametrize("where", ["sets", "sets/mvtec_ad"])
def test_auto_takes_mvtec_where_the_option_or_the_variable_points(
    mvtec: Path, tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_option, said = opened("auto", tmp_path / where)
    monkeypatch.setenv("CADBENCH_DATA", str(tmp_path / where))
    by_variable, _ = opened("auto")
    assert by_option == by_variable
    assert (by_option.name, by_option.root) == ("mvtec", mvtec)
    assert said.lines == [f"dataset: MVTec AD, 2 of 15 categories, in {mvtec}"]


def test_auto_takes_mvtec_from_a_data_folder_beside(mvtec: Path) -> None:
    shutil.copytree(mvtec, Path("data/mvtec"))
    assert opened("auto")[0].root == Path("data/mvtec").absolute()


def test_the_option_is_stronger_than_the_variable(
    mvtec: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CADBENCH_DATA", str(mvtec))
    manifest, said = opened("auto", dataset)
    assert (manifest.name, manifest.root) == ("set", dataset)
    assert said.lines == [f"dataset: set, 2 categories in the folder {dataset} (not MVTec AD)"]


def test_auto_takes_a_mixture_of_official_and_own_categories_as_a_folder(
    mvtec: Path, dataset: Path
) -> None:
    shutil.copytree(dataset / "cup", mvtec / "cup")
    assert opened("auto", mvtec)[0].name == "mvtec_ad"
    assert opened("mvtec", mvtec)[0].categories == ("bottle", "screw")


def test_auto_uses_a_folder_that_the_variable_names_and_ignores_an_empty_one(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CADBENCH_DATA", str(dataset))
    assert opened("auto")[0].name == "set"
    monkeypatch.setenv("CADBENCH_DATA", str(tmp_path / "unmounted"))
    manifest, said = opened("auto")
    assert manifest.name == "synthetic"
    assert f"CADBENCH_DATA={tmp_path / 'unmounted'} holds no dataset" in said.lines[0]


def test_an_option_that_points_nowhere_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no such folder: .*/nowhere"):
        opened("auto", tmp_path / "nowhere")


def test_missing_mvtec_tells_how_to_obtain_it(dataset: Path) -> None:
    for root in (None, dataset):
        with pytest.raises(DataError) as caught:
            opened("mvtec", root)
        message = str(caught.value)
        assert "\n" not in message
        for words in ("www.mvtec.com", "CC BY-NC-SA 4.0", "data_root", "CADBENCH_DATA"):
            assert words in message


def test_an_incomplete_copy_of_mvtec_is_warned_about(mvtec: Path) -> None:
    _, said = opened("mvtec", mvtec)
    lacking, counts = said.warnings
    assert lacking.startswith("this copy of MVTec AD lacks cable, capsule, carpet")
    assert "bottle 3/2/2 instead of 209/20/63, screw 3/2/2 instead of 320/41/119" in counts
    _, said = opened("mvtec", mvtec, ["screw"])
    assert len(said.warnings) == 1
    assert "bottle" not in said.warnings[0]


def test_names_outside_mvtec_get_a_suggestion(mvtec: Path) -> None:
    with pytest.raises(UsageError, match=r"'screws' of MVTec AD \(did you mean screw\?\)"):
        opened("mvtec", mvtec, ["screws"])


def test_an_unknown_data_set_gets_a_suggestion() -> None:
    with pytest.raises(UsageError, match=r"'mvtek' \(did you mean mvtec\?\)"):
        opened("mvtek")


def test_folder_needs_a_root_and_synthetic_takes_none(
    dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="needs data_root"):
        opened("folder")
    with pytest.raises(UsageError, match="needs no folder"):
        opened("synthetic", dataset)
    monkeypatch.setenv("CADBENCH_DATA", str(dataset))
    assert opened("folder")[0].name == "set"
    assert opened("synthetic")[0].name == "synthetic"


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("My Parts (2024)", "my-parts-2024"),
        ("line_7-b", "line_7-b"),
        ("mvtec", "folder-mvtec"),
        ("Synthetic", "folder-synthetic"),
        ("Überprüfung", "berpr-fung"),
        ("零件", "data"),
    ],
)
def test_a_folders_name_is_fit_for_ids_and_never_another_data_sets(
    dataset: Path, tmp_path: Path, folder: str, name: str
) -> None:
    root = dataset.rename(tmp_path / folder)
    assert opened("folder", root)[0].name == name


def test_warnings_and_skipped_files_are_reported(dataset: Path) -> None:
    (dataset / "cup/test/scratch/000.png").write_bytes(b"")
    shutil.rmtree(dataset / "nut/test/scratch")
    shutil.rmtree(dataset / "nut/ground_truth")
    _, said = opened("folder", dataset, skip_unreadable=True)
    assert said.warnings[0].startswith(
        "cup: 1 file cannot be read and is left out, such as cup/test/scratch/000.png: "
    )
    assert said.warnings[1].startswith("nut: all test images are good")
    assert len(said.warnings) == 2


def test_description_counts_and_compares_with_the_official_set(mvtec: Path, dataset: Path) -> None:
    rows = {row.category: row for row in count_categories(opened("mvtec", mvtec)[0])}
    assert rows.keys() == Mvtec.counts.keys()
    assert rows["screw"] == CategoryCounts(
        "screw", Counts(3, 2, 2), 2, "10x12", Mvtec.counts["screw"]
    )
    assert rows["cable"] == CategoryCounts("cable", Counts(0, 0, 0), 0, "", Mvtec.counts["cable"])
    assert [row.published for row in count_categories(opened("folder", dataset)[0])] == [None, None]
