"""`cadbench figure` as a command: the files it writes, the captions it prints, what it refuses."""

from __future__ import annotations

import dataclasses
import re
import shutil

import numpy as np
import pytest
from cadbench.results.figures.drawing.style import styled
from cadbench.results.figures.kinds.examples import Example, choose, draw_examples
from cadbench.results.records.store import find_records

from tests.benchmark.cli.test_errors import assert_refused
from tests.benchmark.conftest import FINETUNE
from tests.results.figures.readable import assert_readable
from tests.results.figures.studies import names, study_record


@pytest.fixture
def records(out):
    """mecad with 1 and 2 experts and two other methods, three categories, one seed."""
    rows = [("mecad", {"experts": n}) for n in (1, 2)] + [("upper", {}), ("lower", {})]
    return [study_record(out, names(3), i, *row) for i, row in enumerate(rows)]


@pytest.fixture
def figure(call, out, records, tmp_path):
    return lambda *words: call("figure", *words, "--out", out, "--to", tmp_path / "figures")


def test_all_draws_what_it_can_and_says_why_not_the_rest(figure, tmp_path):
    said = figure("all", "--format", "png,svg")
    assert said.code == 0
    files = {path.name for path in (tmp_path / "figures").iterdir()}
    assert len(files) == 28
    assert {"experts.png", "experts.svg", "ranks.png", "similarity.svg"} <= files
    assert said.out.count("\n") == 14
    assert "experts.svg: Mean AUROC after the last experience and fm" in said.out
    lines = said.err.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        *("left out routing", "left out stability", "left out examples"),
    ]
    assert "kept no anomaly maps" in lines[-1]


def test_one_reason_for_several_figures_is_one_line(figure):
    said = figure("all", "--format", "svg", "--methods", "upper,lower")
    assert said.code == 0
    assert (
        "left out expert-forgetting, expert-memory, similarity, assignment: lower, upper assigned "
        "no experts" in said.err.splitlines()
    )


def test_an_incomplete_row_is_left_out_and_named_in_the_caption(figure, out, records, tmp_path):
    study_record(out, names(3), 0, "mine", {}, seed=1)
    drawn = figure("curves", "--format", "svg")
    assert drawn.code == 0
    assert re.search(r"left out: mine \(\w+\) lacks seed 0", drawn.out)
    named = figure("curves", "mine", "upper")
    assert_refused(named, 2, "lacks seed 0", "--common")
    study_record(out, names(3), 0, "mine", {}, seed=0)
    assert "seed 0" in figure("curves", "mine", "upper", "--common").out


def test_several_protocols_give_a_file_each(figure, out, records, tmp_path):
    study_record(out, names(2), 0, "upper", {})
    drawn = figure("matrix", "upper", "--format", "svg")
    assert drawn.code == 0
    files = {path.name for path in (tmp_path / "figures").iterdir()}
    assert files == {
        "matrix-synthetic-1x2-224-oracle@1.svg",
        "matrix-synthetic-1x3-224-oracle@1.svg",
    }


def test_rows_and_runs_are_named_as_elsewhere(figure, records):
    assert "mecad experts=1 (run" in figure("matrix", "mecad:experts=1").out
    assert f"upper (run {records[2].key[:8]})" in figure("categories", records[2].key[:8]).out
    chosen = figure("curves", "upper", "lower", "--width", "page", "--metric", "ap")
    assert "Mean AP over the categories seen so far" in chosen.out


def test_the_width_is_that_of_the_page(figure, tmp_path):
    assert figure("matrix", "--width", "4.5", "--format", "svg").code == 0
    assert 'width="324pt"' in (tmp_path / "figures" / "matrix.svg").read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], ["NAME"]),
        (["matrx"], ["'matrx'", "did you mean matrix?", "tradeoff"]),
        (["domains"], ["no figure 'domains', but a table", "`cadbench table domains`"]),
        (["matrix", "--format", "jpg"], ["--format", "'jpg'", "pdf, svg, png"]),
        (["matrix", "--format", ","], ["list is empty"]),
        (["matrix", "--width", "wide"], ["--width 'wide'", "column, page"]),
        (["matrix", "--width", "0.5"], ["--width '0.5'"]),
        (["matrix", "--metric", "aurok"], ["--metric", "did you mean auroc?"]),
        (["matrix", "--metric", "aupro"], ["has no AUPRO"]),
        (["matrix", "--routing", "inferred"], ["--routing: no record has 'inferred'", "oracle"]),
        (
            ["matrix", "--backbone", "resnet"],
            ["--backbone: no record has 'resnet'", "_lite0"],
        ),
        (["matrix", "--methods", "uper"], ["did you mean upper?"]),
        (["matrix", "uper"], ["did you mean upper?"]),
        (["expert-memory", "upper"], ["upper assigned no experts"]),
        (["examples"], ["kept no anomaly maps", "--maps final"]),
        (["matrix", "--cost", "stored_mb"], ["--cost is for tradeoff, not for matrix"]),
        (["matrix", "--to", f"{__file__}/x"], ["--to", "not a writable folder"]),
    ],
    ids=lambda value: " ".join(map(str, value))[-40:],
)
def test_a_wrong_word_is_wrong_usage_in_one_line(call, out, records, tmp_path, words, said):
    place = [] if "--to" in words else ["--to", tmp_path / "figures"]
    assert_refused(call("figure", *words, "--out", out, *place), 2, *said)
    assert not (tmp_path / "figures").exists()


def test_no_records_is_wrong_usage(call, out):
    assert_refused(call("figure", "all", "--out", out), 2, "no records in")


# --- test images


@pytest.fixture
def examples(run_plates, call, out, tmp_path):
    """`figure examples` of a run on the drawn dataset."""
    assert run_plates(*FINETUNE).code == 0
    place = ["--data-root", out.with_name("plates"), "--out", out, "--to", tmp_path]
    return lambda *words: call("figure", "examples", "--format", "png", *place, *words)


def test_test_images_are_found_by_their_content(examples, out, tmp_path):
    folder = out.with_name("plates") / "bolt" / "test" / "spot"
    (folder / "000.png").rename(folder / "zzz.png")
    masks = out.with_name("plates") / "bolt" / "ground_truth" / "spot"
    (masks / "000_mask.png").rename(masks / "zzz_mask.png")
    said = examples("--category", "bolt")
    assert (said.code, said.err) == (0, "")
    assert "examples.png: bolt (AUROC" in said.out
    assert (tmp_path / "examples.png").exists()


def test_maps_and_masks_are_those_of_the_images(examples, out, cache):
    from cadbench.benchmark.data.manifest import build_manifest
    from cadbench.benchmark.recorded_images.figure_examples import load_examples

    (record,) = find_records(out)
    manifest = build_manifest("plates", out.with_name("plates"), cache=cache, workers=0)
    worst, best = load_examples(record, "bolt", manifest)
    assert [example.defect for example in worst] == ["spot", "spot", "good", "good"]
    assert worst[0].score <= min(e.score for e in best if e.defect == "spot")
    scores = record.scores[record.scores["experience"] == 3].reset_index(drop=True)
    maps = record.maps()
    for example in (*worst, *best):
        assert example.image.shape == (64, 64, 3)
        assert example.mask is not None
        assert example.mask.any() == (example.defect == "spot")
        row = scores.index[(scores["score"] == example.score) & (scores["category"] == "bolt")][0]
        # Smoothing keeps the mean of a map.
        assert np.isclose(example.map.mean(), maps[row].astype(float).mean(), rtol=0.02)


def test_another_data_set_is_refused(examples, out, cache):
    plates = out.with_name("plates")
    for image in (plates / "bolt" / "test" / "good").iterdir():
        shutil.copy(plates / "apple" / "test" / "good" / image.name, image)
    refused = examples("--category", "bolt")
    assert_refused(refused, 1, "test images of bolt", "--data-root")
    assert_refused(examples("--category", "blot"), 2, "did you mean bolt?")


def test_the_worst_and_the_best_are_different_images():
    scores = np.array([0.1, 0.9, 0.5, 0.2, 0.8, 0.4])
    labels = np.array([1, 1, 1, 0, 0, 0])
    assert choose(scores, labels) == ([0, 2, 4, 5], [1, 3])
    assert choose(scores, labels, each=1) == ([0, 4], [1, 3])
    assert choose(scores[:1], labels[:1]) == ([0], [])


@pytest.mark.parametrize("width", [2.5, 3.5, 7.16])
def test_examples_are_readable_with_long_kinds_and_without_masks(width):
    rng = np.random.Generator(np.random.PCG64(0))
    one = Example(
        image=rng.integers(0, 255, (32, 32, 3), dtype=np.uint8),
        map=rng.random((32, 32)),
        mask=None,
        defect="a_rather_long_kind_of_defect_of_the_surface_of_a_small_plastic_part",
        score=0.123456,
    )
    other = dataclasses.replace(one, defect="good", mask=np.zeros((32, 32), bool))
    with styled():
        figure = draw_examples([one, other], [other], width, "").figure
        texts = assert_readable(figure)
    assert sum("no mask" in " ".join(text.split()) for text in texts) == 1
    assert {"worst: image", "best: image"} <= set(texts)
    assert figure.get_size_inches()[0] == width
