"""Sample images of a run: found by content, the worst first, with the kept maps."""

from __future__ import annotations

import io
import shutil

import numpy as np
import pytest
from cadbench.benchmark.data.manifest import build_manifest
from cadbench.benchmark.recorded_images.report_thumbnails import make_galleries, wrong_share
from cadbench.results.analysis.comparison import final_row
from cadbench.results.leaderboard.boards import boards
from cadbench.results.records.store import find_records
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sklearn.metrics import roc_auc_score

from tests.benchmark.conftest import FINETUNE, SMALL


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30))
def test_the_mean_of_the_wrong_shares_is_one_minus_auroc(images) -> None:
    scores = np.array([score for score, _ in images], dtype=float)
    labels = np.array([label for _, label in images], dtype=int)
    if len(set(labels.tolist())) < 2:
        assert wrong_share(scores, labels).tolist() == [0.0] * len(scores)
        return
    wrong = wrong_share(scores, labels)
    for label in (0, 1):
        assert wrong[labels == label].mean() == pytest.approx(1 - roc_auc_score(labels, scores))


@pytest.fixture
def made(run_plates, out, cache):
    """The boards of a run on plates, and the dataset's folder under another name."""
    assert run_plates("-q", *FINETUNE, "--method", "mecad", *SMALL).code == 0
    moved = out.with_name("elsewhere")
    shutil.move(out.with_name("plates"), moved)
    return boards(find_records(out)), moved


def test_images_are_found_by_content_wherever_they_lie(made, cache) -> None:
    found, missing = make_galleries(made[0], build_manifest("x", made[1], cache=cache, workers=0))
    assert missing == []
    (key,) = {gallery.key for gallery in found}
    (record,) = [
        r for b in made[0] for row in b.comparison.rows for r in row.records if r.key == key
    ]
    auroc = final_row(record)
    assert [gallery.category for gallery in found] == sorted(auroc, key=auroc.__getitem__)
    final = record.scores[record.scores["experience"] == 3]
    for gallery in found:
        assert gallery.auroc == auroc[gallery.category]
        scores = final[final["category"] == gallery.category]
        for sample in gallery.samples:
            other = scores[scores["label"] != sample.label]["score"].to_numpy()
            over = (other > sample.score) if sample.label else (other < sample.score)
            share = (over.sum() + 0.5 * (other == sample.score).sum()) / len(other)
            assert sample.wrong == pytest.approx(share)
            for jpeg in (sample.image, sample.map):
                image = Image.open(io.BytesIO(jpeg))
                assert (image.format, image.size) == ("JPEG", (160, 160))
                assert len(jpeg) < 20_000
        worst = [sample.wrong for sample in gallery.samples if sample.kind == "worst"]
        assert worst == sorted(worst, reverse=True)
        assert all(share > 0 for share in worst)


def test_a_data_set_without_the_images_is_one_line(made, dataset, cache) -> None:
    other = build_manifest("other", dataset(seed=9), cache=cache, workers=0)
    found, missing = make_galleries(made[0], other)
    assert found == []
    (line,) = missing
    assert "other does not have the images of plates-1x3" in line


def test_runs_without_maps_are_one_line(run_plates, out, cache) -> None:
    assert run_plates("-q", *FINETUNE, "--maps", "none").code == 0
    manifest = build_manifest("x", out.with_name("plates"), cache=cache, workers=0)
    found, missing = make_galleries(boards(find_records(out)), manifest)
    assert found == []
    assert len(missing) == 1
    assert "kept its maps" in missing[0]
