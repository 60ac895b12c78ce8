"""Nothing that a method receives leads to a test image's file, label or mask.

A walk over all objects reachable from what `observe` and `score` get, short of module globals and
classes; and the same pixels under other names and labels, which must change no score.
"""

from __future__ import annotations

import collections
import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cadbench.benchmark.conformance.leak_walk import describe_leak, reachable
from cadbench.benchmark.data.manifest import Manifest, build_manifest
from cadbench.benchmark.interface.experience import batch_data
from cadbench.benchmark.interface.opaque import Opaque
from cadbench.benchmark.pixels.truth import Truth
from cadbench.results.records.store import find_records
from PIL import Image

from tests.benchmark.conftest import FINETUNE, Called
from tests.benchmark.samples import BUDGETS, method_words

BLIND_CHEATS = ("ReadsTheCache", "FollowsReferences", "KnowsTheIds")
"""Cheating methods that give all images one score where they find nothing."""


# --- what must not be found


@dataclass
class Secrets:
    """What only the evaluator may know of the test images."""

    manifest: Manifest
    masks: set[bytes] = field(default_factory=set)

    def __post_init__(self) -> None:
        tests = [item for c in self.manifest.categories for item in self.manifest.test(c)]
        self.labels = {item.content: item.label for item in tests}
        self.contents = set(self.labels)
        self.words = {str(self.manifest.root), "gouge", "ground_truth"}
        for item in tests:
            self.words |= {item.path, Path(item.path).name, item.mask or item.path}
            if item.mask_path is not None:
                mask = np.array(Image.open(self.manifest.root / item.mask_path)) > 0
                self.masks.add(mask.tobytes())
        self.vectors: set[tuple[int, ...]] = set()
        self.aliases: dict[str, str] = {}
        for category in self.manifest.categories:
            self.add([item.content for item in self.manifest.test(category)])
        self.add([item.content for item in tests])

    def add(self, ids: Sequence[str]) -> None:
        """The labels of these images, in this order, must not be found, nor their opposite."""
        labels = tuple(self.labels[identity] for identity in ids)
        self.vectors |= {labels, tuple(1 - label for label in labels)}

    def learn_ids(self, batch: Any) -> None:
        """Learn the labels behind the ids of a batch."""
        contents = batch_data(batch).ids
        self.labels.update(zip(batch.ids, [self.labels[c] for c in contents], strict=True))
        self.aliases.update(zip(batch.ids, contents, strict=True))
        self.add(batch.ids)

    def betrayed_by(self, each: object) -> str | None:
        """What the object gives away."""
        if (kind := describe_leak(each)) is not None:
            return kind
        if isinstance(each, str) and each in self.contents:
            return "the content hash of a test image"
        if isinstance(each, Truth):
            return "the defective pixels"
        if isinstance(each, str | bytes):
            text = each.decode("latin-1") if isinstance(each, bytes) else each
            return next((f"the word {word!r}" for word in self.words if word in text), None)
        if (array := as_array(each)) is not None:
            if array.ndim == 1 and tuple(array.tolist()) in self.vectors:
                return "the labels as numbers"
            if array.ndim >= 2 and array.dtype != object:
                pictures = array.reshape(-1, *array.shape[-2:]) > 0
                if any(picture.tobytes() in self.masks for picture in pictures):
                    return "a mask"
        if isinstance(each, dict):
            known = [each[i] for i in self.labels if i in each]
            asked = [self.labels[i] for i in self.labels if i in each]
            if len(set(asked)) == 2 and known in (asked, [1 - label for label in asked]):
                return "the labels by id"
        if isinstance(each, list | tuple | set | frozenset) and all(
            isinstance(e, str) for e in each
        ):
            held = {self.aliases.get(e, e) for e in each} & self.contents
            if held and held in self.one_sided():
                return "the ids of one label"
        return None

    def one_sided(self) -> list[set[str]]:
        """The good and the defective images of each category, and of all together."""
        groups: dict[tuple[str, int], set[str]] = collections.defaultdict(set)
        for category in self.manifest.categories:
            for item in self.manifest.test(category):
                groups[category, item.label].add(item.content)
                groups["", item.label].add(item.content)
        return list(groups.values())


def as_array(each: object) -> np.ndarray | None:
    """Numbers in any of the usual forms."""
    import torch

    if isinstance(each, torch.Tensor):
        return each.detach().cpu().numpy()
    if isinstance(each, np.ndarray):
        return each
    if isinstance(each, bytes | bytearray):
        return np.frombuffer(each, np.uint8)
    if isinstance(each, list | tuple) and all(type(e) in (int, bool, float) for e in each):
        return np.array(each)
    return None


@pytest.fixture
def named_plates(plates: Callable[..., Path], out: Path) -> Path:
    """The drawn dataset, every file under a name of its own and the defect called `gouge`."""
    root = plates()
    for category in root.iterdir():
        for part in ("test", "ground_truth"):
            (category / part / "spot").rename(category / part / "gouge")
        for file in sorted(category.glob("test/*/*.png")):
            file.rename(file.with_name(f"{category.name}-{file.parent.name}-{file.name}"))
        for file in sorted(category.glob("ground_truth/*/*.png")):
            file.rename(file.with_name(f"{category.name}-gouge-{file.name}"))
    return root


@pytest.fixture
def secrets(named_plates: Path) -> Secrets:
    return Secrets(build_manifest("plates", named_plates, workers=0))


@pytest.mark.parametrize("plant", ["word", "labels", "by id", "ids", "mask", "tensor"])
def test_the_search_knows_a_secret_when_it_sees_one(secrets, plant):
    import torch

    items = secrets.manifest.test("bolt")
    labels = [item.label for item in items]
    defective = next(item for item in items if item.mask_path is not None)
    planted: dict[str, object] = {
        "word": f"somewhere/{defective.path}",
        "labels": np.array(labels, dtype=bool),
        "by id": {item.content: item.label == 0 for item in items},
        "ids": {item.content for item in items if item.label},
        "mask": np.array(Image.open(secrets.manifest.root / defective.mask_path)),
        "tensor": torch.tensor(labels),
    }
    assert secrets.betrayed_by(planted[plant])
    innocent = ([item.content for item in items], np.zeros(7), {"bolt": 1}, "bolt", (0, 1, 2))
    assert not [each for each in innocent if secrets.betrayed_by(each)]


# --- the tests


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., None]], None]:
    """Let `look(*received)` see what `finetune` gets, each time that it gets something."""
    from cadbench.benchmark.features.frozen_backbone import load_frozen
    from cadbench.methods.banks.finetune import FineTune

    load_frozen.cache_clear()  # a network that another test left would be walked through each time
    observe, score = FineTune.observe, FineTune.score

    def install(look: Callable[..., None]) -> None:
        def looking_observe(self: Any, experience: Any) -> None:
            look(self.context, experience)
            observe(self, experience)
            look(self.context, experience, experience.images(experience.categories[0]))

        def looking_score(self: Any, batch: Any) -> Any:
            look(self.context, batch)
            scored = score(self, batch)
            look(self.context, batch, batch.images())
            return scored

        monkeypatch.setattr(FineTune, "uses_images", True)
        monkeypatch.setattr(FineTune, "observe", looking_observe)
        monkeypatch.setattr(FineTune, "score", looking_score)

    return install


@pytest.mark.parametrize("routing", ["oracle", "inferred"])
def test_no_path_label_or_mask_of_a_test_image_is_reachable_from_what_a_method_receives(
    secrets, run_plates, probe, routing
):
    from cadbench.benchmark.interface.experience import TestBatch, TrainExperience

    found: list[str] = []
    kinds: collections.Counter[type] = collections.Counter()

    def look(*received: object) -> None:
        for each in received:
            if isinstance(each, TestBatch):
                secrets.learn_ids(each)
            if isinstance(each, TestBatch) and routing == "inferred":
                names = set(secrets.manifest.categories)
                texts = ((way, text) for way, text in reachable(each) if isinstance(text, str))
                found.extend(f"a category: {way}" for way, text in texts if text in names)
        for way, each in reachable(*received):
            kinds[type(each)] += 1
            if what := secrets.betrayed_by(each):
                found.append(f"{what}: {way}")

    probe(look)
    done = run_plates(*FINETUNE, "--routing", routing, "--unseen", "all", "-v")
    assert done.code == 0, done.err
    assert not found, found[0]
    assert kinds[TrainExperience] == 6
    assert kinds[TestBatch] >= 6
    assert kinds[Opaque] >= kinds[TestBatch], "the walk went into the batches"


def test_cheats_find_nothing_in_a_real_run_whose_cache_has_the_manifest(run_plates, cache, out):
    names = [f"cadbench.benchmark.conformance.cheats:{kind}" for kind in BLIND_CHEATS]
    done = run_plates(*(word for name in names for word in ("--method", name)))
    assert done.code == 0, done.err
    assert list(cache.glob("manifests/*.json"))
    records = find_records(out)
    assert {record.method for record in records} == set(names)
    for record in records:
        assert record.scores["score"].nunique() == record.scores["route"].nunique() == 1


def relabeled(root: Path, target: Path) -> Path:
    """The same pixels: good test images as defective ones and the other way round, other names."""
    shuffled = random.Random(7)
    for category in root.iterdir():
        for source, kind in (("train/good", "train/good"), ("test/good", "test/dent")):
            shuffle_into(target / category.name / kind, category / source, shuffled)
        shuffle_into(target / category.name / "test/good", category / "test/spot", shuffled)
    return target


def shuffle_into(target: Path, source: Path, shuffled: random.Random) -> None:
    target.mkdir(parents=True)
    files = sorted(source.iterdir())
    for number, file in zip(shuffled.sample(range(100, 999), len(files)), files, strict=True):
        shutil.copy(file, target / f"{number}.png")


@pytest.mark.parametrize("routing", ["oracle", "inferred"])
def test_other_labels_and_file_names_change_no_score_by_a_bit(
    plates, pixel_backbone, call: Callable[..., Called], tmp_path, monkeypatch, routing
):
    root = plates(good=4, defective=6)
    words = ["run", "-q", "--dataset=folder", "--device=cpu", "--image-size=64", "--schedule=2-1"]
    words += [f"--routing={routing}", *method_words()]
    scores: list[dict[str, pd.DataFrame]] = []
    for number, data in enumerate((root, relabeled(root, tmp_path / "elsewhere" / "plates"))):
        monkeypatch.setenv("CADBENCH_CACHE", str(tmp_path / f"cache {number}"))
        out = tmp_path / f"runs {number}"
        done = call(*words, "--data-root", data, "--out", out)
        assert done.code == 0, done.err
        by_image = ["experience", "category", "image"]
        records = find_records(out)
        scores.append({r.method: r.scores.set_index(by_image).sort_index() for r in records})
    one, other = scores
    assert one.keys() == other.keys() == BUDGETS.keys()
    for method in BUDGETS:
        assert (one[method]["label"] == 1 - other[method]["label"]).all()
        pd.testing.assert_index_equal(one[method].index, other[method].index)
        for column in ("score", "route"):
            mine, theirs = one[method][column].to_numpy(), other[method][column].to_numpy()
            assert mine.tobytes() == theirs.tobytes(), (method, column)
