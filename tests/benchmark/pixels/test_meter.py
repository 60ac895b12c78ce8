"""Equal maps are measured once, and recorded pixel metrics can be computed from kept maps."""

from __future__ import annotations

import numpy as np
import pytest
from cadbench.benchmark.data.images.preprocessing import Preprocessing
from cadbench.benchmark.pixels import meter as module
from cadbench.benchmark.pixels.maps import MapSpec, full_maps
from cadbench.benchmark.pixels.meter import PixelMeter
from cadbench.benchmark.pixels.truth import load_truths
from cadbench.benchmark.system.reporting import Silent
from cadbench.results.records.store import find_records
from sklearn.metrics import roc_auc_score

from tests.benchmark.conftest import FINETUNE, SMALL


@pytest.fixture
def metered(study, cache):
    """A study of generated plates and its meter."""

    def build(**options):
        built = study(**options)
        spec = built.features.spec.preprocessing
        truths = load_truths(built.manifest, built.manifest.categories, spec, cache, Silent())
        return built, PixelMeter(built.features, lambda columns: truths, MapSpec())

    return build


def full_masks(manifest, category, preprocessing):
    """(N, 64, 64) bool: the mask files, resized and cropped like the images."""
    from PIL import Image

    masks = np.zeros((len(manifest.test(category)), 64, 64), bool)
    for number, item in enumerate(manifest.test(category)):
        if item.mask_path is not None:
            mask = np.array(Image.open(manifest.root / item.mask_path))
            masks[number] = preprocessing.apply_labels(mask) > 0
    return masks


def test_maps_that_did_not_change_are_not_measured_again(metered, monkeypatch):
    built, meter = metered()
    calls = []
    measure = module.pixel_metrics
    monkeypatch.setattr(module, "pixel_metrics", lambda *a: calls.append(1) or measure(*a))
    cell = built.cell("per_category", params={"class_budget": 10})
    one = built.evaluate(cell, meter=meter)
    first = len(calls)
    assert first == 7, "four categories when learned, three just before"
    other = built.evaluate(cell, meter=meter)
    assert len(calls) == first
    assert one.pixels == other.pixels


def test_pixel_metrics_do_not_depend_on_which_maps_are_kept(metered):
    built, meter = metered()
    cell = built.cell("finetune", params={"bank_budget": 20})
    kept, dropped = (built.evaluate(cell, meter=meter, maps=m) for m in ("all", "none"))
    assert kept.pixels == dropped.pixels
    assert not any(dropped.maps)


def test_a_method_without_maps_has_no_pixel_metrics(metered, monkeypatch):
    from cadbench.benchmark.interface.prediction import Prediction
    from cadbench.methods.banks.finetune import FineTune

    built, meter = metered()
    score = FineTune.score
    monkeypatch.setattr(
        FineTune, "score", lambda self, batch: Prediction(score(self, batch).image_scores)
    )
    assert built.evaluate(built.cell("finetune"), meter=meter).pixels == [{}, {}, {}, {}]


def test_recorded_pixel_metrics_can_be_computed_from_kept_maps(run_plates, out):
    import torch
    from cadbench.benchmark.data.manifest import build_manifest

    assert run_plates("--experts", "2", *SMALL, "--maps", "all", "--map-sigma", "1").code == 0
    (record,) = find_records(out)
    manifest = build_manifest("plates", out.with_name("plates"), workers=0)
    assert record.cell["maps"] == {"upsampling": "bilinear", "sigma": 1.0}
    scores, metrics = record.scores.reset_index(), record.metrics
    for (t, category), rows in scores.groupby(["experience", "category"]):
        maps = torch.from_numpy(record.maps()[rows["index"].to_numpy()])
        full = full_maps(maps, 64, MapSpec(sigma=1)).numpy()
        labels = full_masks(manifest, category, Preprocessing.for_image_size(64))
        selected = (metrics["t"] == t) & (metrics["category"] == category)
        (stored,) = metrics[selected & (metrics["metric"] == "pixel_auroc")]["value"]
        assert stored == pytest.approx(roc_auc_score(labels.ravel(), full.ravel()), abs=1e-12)
    assert record.run["pixels"]["apple"]["regions"] == 4
    assert record.run["pixels"]["apple"]["lost"] == 0


def test_a_category_without_masks_is_a_dash_in_tables_and_one_warning(
    run_plates, call, out, plates
):
    import shutil

    root = plates()
    shutil.rmtree(root / "bolt" / "ground_truth")
    run = run_plates(*FINETUNE)
    assert run.code == 0
    assert run.err.count("no mask") == 1
    assert "bolt (4 of 4)" in run.err
    (record,) = find_records(out)
    assert sorted(record.run["pixels"]) == ["apple", "cork"]
    show = call("show", record.key[:8], "--metric", "aupro", "--out", out)
    assert show.code == 0
    final = next(line for line in show.out.splitlines() if line.startswith("|   3 |"))
    assert final.split("|")[4].strip() == "–"
    table = call("table", "--out", out, "--columns", "aupro.acc,pixel_ap.bwt")
    assert "left out: bolt" in table.out
