"""Scores of images that no dataset lists, with the method of a finished record."""

from __future__ import annotations

import shutil

import cadbench
import numpy as np
import pandas as pd
import pytest
from cadbench.benchmark.data.images.decoding import content_hash, decode
from cadbench.benchmark.scoring.overlays import overlay
from cadbench.results.errors import CadbenchError, DataError, RecordError, UsageError
from PIL import Image

from tests.benchmark.conftest import FINETUNE, SMALL

MECAD = ("--method", "mecad", "--experts", "2", *SMALL)
TRAINED = ("--method", "feature_ae+naive", "--set", "feature_ae+naive.epochs=1")


@pytest.fixture
def kept(run_plates, out):
    """Run a method with --keep-state, and return its record."""

    def run(*words):
        done = run_plates(*words, "--keep-state")
        assert done.code == 0, done.err
        (record,) = cadbench.find_records(out)
        return record

    return run


@pytest.fixture
def images(out):
    """Folder of the test images of the first category."""
    return out.with_name("plates") / "apple" / "test"


def recorded(record, file, category="apple"):
    """The last score and expert of an image in the record."""
    scores = record.scores
    last = scores[(scores["experience"] == 3) & (scores["category"] == category)]
    row = last[last["image"] == content_hash(decode(file))].iloc[0]
    return row["score"], row["route"]


@pytest.mark.parametrize("method", [FINETUNE, MECAD, TRAINED])
def test_scores_of_test_images_are_those_of_the_record_to_the_last_bit(kept, images, method):
    record = kept(*method)
    scored = cadbench.score(record, images, category="apple")
    assert len(scored) == 7
    expected = [recorded(record, file) for file in scored["file"]]
    assert scored["score"].dtype == np.float32
    assert scored["score"].tolist() == [score for score, _ in expected]
    if "expert" in scored:
        assert scored["expert"].tolist() == [route for _, route in expected]
    assert ("expert" in scored) == (method is MECAD)


def test_single_images_get_the_same_scores_and_experts_are_named(kept, images):
    record = kept(*MECAD)
    files = sorted(images.rglob("*.png"))[2:4]
    scored = cadbench.score(record.path, files, category="apple")
    assert scored["score"].tolist() == [recorded(record, file)[0] for file in files]
    assert all("apple" in categories.split(",") for categories in scored["categories"])


def test_inferred_routing_takes_no_category_and_tells_the_expert(kept, images):
    record = kept(*MECAD, "--routing", "inferred")
    scored = cadbench.score(record, images)
    expected = [recorded(record, file) for file in scored["file"]]
    assert list(zip(scored["score"], scored["expert"], strict=True)) == expected
    with pytest.raises(UsageError, match="inferred routing"):
        cadbench.score(record, images, category="apple")


def test_the_command_prints_csv_or_writes_it_with_overlays(kept, call, images, out, tmp_path):
    record = kept(*FINETUNE)
    good = tmp_path / "new" / "x.png"
    good.parent.mkdir()
    shutil.copy(next(images.rglob("*.png")), good)
    done = call("score", "finetune", images, good, "--category", "apple", "-q", "--out", out)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert (lines[0], len(lines)) == ("file,score", 9)
    assert lines[-1].startswith(f"{good},")
    to = tmp_path / "overlays"
    words = (good, "--category", "apple", "--to", to, "-q", "--out", out)
    assert call("score", record.key[:8], *words).code == 0
    table = pd.read_csv(to / "scores.csv", dtype={"score": np.float32})
    assert table["score"][0] == recorded(record, good)[0]
    with Image.open(to / "x.png") as picture:
        assert (picture.size, picture.mode) == ((64, 64), "RGB")


def test_an_overlay_is_the_image_where_the_map_is_low_and_colored_where_it_is_high():
    image = np.full((2, 2, 3), 200, np.uint8)
    drawn = overlay(image, np.array([[0.0, 0.0], [0.0, 9.0]]), 1.0, 9.0)
    assert (drawn[0] == 200).all()
    assert abs(int(drawn[1, 1, 2]) - 200) > 10


def test_images_with_one_name_but_two_endings_get_two_overlays(kept, images, tmp_path):
    record = kept(*FINETUNE)
    new = tmp_path / "new"
    new.mkdir()
    source = next(images.rglob("*.png"))
    shutil.copy(source, new / "a.png")
    with Image.open(source) as picture:
        picture.save(new / "a.bmp")
    cadbench.score(record, new, category="apple", to=tmp_path / "o")
    assert {path.name for path in (tmp_path / "o").iterdir()} == {
        "scores.csv",
        "a.png.png",
        "a.bmp.png",
    }


def test_what_does_not_fit_is_refused_in_one_line(kept, run_plates, images, out, monkeypatch):
    record = kept(*FINETUNE)

    def refused(message, error=UsageError, **options):
        with pytest.raises(error, match=message) as caught:
            cadbench.score(record, options.pop("images", images), **options)
        assert "\n" not in str(caught.value)

    refused("give category; the record has apple, bolt, cork")
    refused("did you mean apple", category="appel")
    refused("no such file", images=out / "missing.png", category="apple")
    refused("other weights", category="apple", weights=record.path / "run.json")
    refused("inside", category="apple", to=images / "overlays")
    text = images / "note.png"
    text.write_text("no image")
    refused(r"cannot read .*note\.png", DataError, category="apple")
    text.unlink()
    from cadbench.methods.banks.finetune import FineTune

    with monkeypatch.context() as patch:
        patch.setattr(FineTune, "version", "99")
        refused("version 99 is installed", category="apple")
    with monkeypatch.context() as patch:
        patch.setattr(FineTune, "load_state_dict", lambda self, state: state["missing"])
        refused("the state in .* does not fit", CadbenchError, category="apple")
    file = record.path / "state.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    refused("was altered", RecordError, category="apple")


def test_a_record_without_a_state_says_how_to_get_one(run_plates, images, call, out):
    run_plates(*FINETUNE)
    done = call("score", "finetune", images, "--category", "apple", "--out", out)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "--keep-state" in done.err
