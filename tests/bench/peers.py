"""cadbench compared with anomalib, pyCLAD and patchcore-inspection: time, memory and AUROC.

`python tests/bench/peers.py FOLDER [--categories screw] [--stream a,b,c] [--rounds 3]`; FOLDER
holds categories in the layout of MVTec AD. Each system is a process of its own with an empty cache,
on the same images, with the same backbone and weights (lite0, layers of stride 8 and 16, images of
224 pixels) and the same number of vectors: a share `--ratio` of the training patches. Systems that
are not installed are left out (`pip install anomalib pyclad`; patchcore-inspection from its
repository).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

BACKBONE, SIZE, GRID = "tf_efficientnet_lite0", 224, 28 * 28
LAYERS = ("blocks.2", "blocks.4")
SYSTEMS = {
    "cadbench, one category": "cadbench",
    "anomalib Patchcore, one category": "anomalib",
    "patchcore-inspection, one category": "patchcore",
    "cadbench per_category, stream": "cadbench",
    "anomalib Patchcore per category, stream": "anomalib",
    "cadbench replay, stream": "cadbench",
    "pyCLAD replay with a plain PatchCore, stream": "pyclad",
}
"""Name of a system -> the package that it needs."""


def train_images(root: Path, category: str) -> int:
    return len(list((root / category / "train/good").iterdir()))


def run_cadbench(root: Path, categories: list[str], method: str, ratio: float) -> dict[str, float]:
    """Run as a user does; AUROC per category after the last experience."""
    import cadbench

    budget = round(ratio * GRID * max(train_images(root, each) for each in categories))
    params = {"class_budget": budget}
    if method == "replay":
        params["bank_budget"] = budget * len(categories)
    study = cadbench.Study(
        dataset="folder",
        data_root=str(root),
        categories=categories,
        methods={method: params},
        backbone=BACKBONE,
    )
    (record,) = study.run(Path(os.environ["CADBENCH_CACHE"]) / "runs", progress=False).records
    scores = record.scores[record.scores["experience"] == record.scores["experience"].max()]
    return {
        str(name): auroc(rows["label"].to_numpy(), rows["score"].to_numpy())
        for name, rows in scores.groupby("category")
    }


def backbone() -> Any:
    """The layers of lite0 with their weights, as cadbench loads them."""
    from cadbench.benchmark.data.images.preprocessing import Preprocessing
    from cadbench.benchmark.features.feature_spec import FeatureSpec
    from cadbench.benchmark.features.timm_models import load_model
    from cadbench.benchmark.features.weights import find_weights

    weights = find_weights(BACKBONE)
    spec = FeatureSpec(BACKBONE, weights.name, (8, 16), "concat", {"pool": 3}, Preprocessing())
    return load_model(spec, weights)


def auroc(labels: np.ndarray, scores: np.ndarray) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(labels, scores))


def run_anomalib(root: Path, categories: list[str], ratio: float) -> dict[str, float]:
    """Fit one Patchcore per category; after each, test the categories seen so far."""
    import logging

    from anomalib.data import Folder
    from anomalib.engine import Engine
    from anomalib.models import Patchcore

    logging.disable(logging.WARNING)
    state = backbone().state_dict()
    found: dict[str, float] = {}
    fitted: dict[str, Any] = {}
    for category in categories:
        defects = sorted(
            f"test/{each.name}"
            for each in (root / category / "test").iterdir()
            if each.name != "good"
        )
        data = Folder(
            name=category,
            root=root / category,
            normal_dir="train/good",
            normal_test_dir="test/good",
            abnormal_dir=defects,
            num_workers=0,
            val_split_mode="same_as_test",
        )
        model = Patchcore(
            backbone=BACKBONE,
            layers=LAYERS,
            pre_trained=False,
            coreset_sampling_ratio=ratio,
            pre_processor=Patchcore.configure_pre_processor((SIZE, SIZE)),
            visualizer=False,
        )
        model.model.feature_extractor.feature_extractor.load_state_dict(state)
        engine = Engine(
            accelerator="cpu",
            logger=False,
            barebones=False,
            enable_progress_bar=False,
            default_root_dir=tempfile.mkdtemp(),
        )
        engine.fit(model, datamodule=data)
        fitted[category] = (engine, model, data)
        for name, (tester, tested, its_data) in fitted.items():
            (values,) = tester.test(tested, datamodule=its_data, verbose=False)
            found[name] = float(values["image_AUROC"])
    return found


class PlainPatchCore:
    """PatchCore in plain torch: greedy k-center by one product per pick, and `torch.cdist`."""

    def __init__(self, ratio: float) -> None:
        self.ratio, self.network = ratio, backbone()

    def patches(self, images: np.ndarray) -> Any:
        import torch
        from torch.nn import functional as F

        found = []
        with torch.inference_mode():
            for batch in torch.from_numpy(images).split(8):
                maps = [F.avg_pool2d(each, 3, 1, 1) for each in self.network(batch)]
                size = maps[0].shape[-2:]
                maps = [F.interpolate(each, size, mode="bilinear") for each in maps]
                found.append(torch.cat(maps, 1).flatten(2).transpose(1, 2))
        return torch.cat(found)

    def fit(self, images: np.ndarray) -> None:
        import torch

        patches = self.patches(images).flatten(0, 1)
        distances = torch.cdist(patches, patches[:1])[:, 0]
        picks = [0]
        for _ in range(round(self.ratio * len(patches)) - 1):
            picks.append(int(distances.argmax()))
            distances = torch.minimum(distances, torch.cdist(patches, patches[picks[-1:]])[:, 0])
        self.bank = patches[picks]

    def predict(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        import torch

        scores = np.concatenate(
            [
                torch.cdist(self.patches(batch), self.bank).amin(2).amax(1).numpy()
                for batch in np.array_split(images, max(1, len(images) // 32))
            ]
        )
        return (scores > np.median(scores)).astype(int), scores

    def name(self) -> str:
        return "PlainPatchCore"


def run_pyclad(root: Path, categories: list[str], ratio: float) -> dict[str, float]:
    """pyCLAD's scenario with its replay of images, a budget of one category's images."""
    from pyclad.callbacks.callback import Callback
    from pyclad.data.concept import Concept
    from pyclad.data.datasets.concepts_dataset import ConceptsDataset
    from pyclad.scenarios.concept_incremental import ConceptIncrementalScenario
    from pyclad.strategies.replay.buffers.adaptive_balanced import AdaptiveBalancedReplayBuffer
    from pyclad.strategies.replay.replay import ReplayEnhancedStrategy
    from pyclad.strategies.replay.selection.random import RandomSelection

    found: dict[str, float] = {}

    class Last(Callback):
        def after_evaluation(self, evaluated_concept: Any, y_true: Any, **values: Any) -> None:
            found[evaluated_concept.name] = auroc(y_true, values["anomaly_scores"])

    train, test = [], []
    for category in categories:
        goods = sorted((root / category / "train/good").iterdir())
        tests = sorted(path for path in (root / category / "test").rglob("*") if path.is_file())
        train.append(Concept(category, read(goods)))
        labels = np.array([path.parent.name != "good" for path in tests]).astype(int)
        test.append(Concept(category, read(tests), labels))
    buffer = AdaptiveBalancedReplayBuffer(RandomSelection(), len(train[0].data))
    strategy = ReplayEnhancedStrategy(PlainPatchCore(ratio), buffer)
    ConceptIncrementalScenario(ConceptsDataset("peers", train, test), strategy, [Last()]).run()
    return found


def read(paths: list[Path]) -> np.ndarray:
    """(N, 3, 224, 224) float32 images as lite0 expects them."""
    from PIL import Image

    images = [
        np.asarray(Image.open(path).convert("RGB").resize((SIZE, SIZE)), np.float32).transpose(
            2, 0, 1
        )
        for path in paths
    ]
    return np.stack(images) / 127.5 - 1


def run_inspection(root: Path, category: str, ratio: float) -> dict[str, float]:
    """The authors' PatchCore with its approximate greedy sampler, on images in memory."""
    import patchcore.common
    import patchcore.patchcore
    import patchcore.sampler
    import torch

    network = backbone()
    device = torch.device("cpu")
    model = patchcore.patchcore.PatchCore(device)
    network.name, network.seed = BACKBONE, None
    model.load(
        backbone=network,
        layers_to_extract_from=LAYERS,
        device=device,
        input_shape=(3, SIZE, SIZE),
        pretrain_embed_dimension=152,
        target_embed_dimension=152,
        patchsize=3,
        featuresampler=patchcore.sampler.ApproximateGreedyCoresetSampler(ratio, device),
        anomaly_score_num_nn=1,
        nn_method=patchcore.common.FaissNN(False, 2),
    )
    goods = sorted((root / category / "train/good").iterdir())
    tests = sorted(path for path in (root / category / "test").rglob("*") if path.is_file())
    labels = np.array([path.parent.name != "good" for path in tests])
    loaders = [
        torch.utils.data.DataLoader(torch.from_numpy(read(each)), 2) for each in (goods, tests)
    ]
    model.fit(loaders[0])
    scores, *_ = model.predict(loaders[1])
    return {category: auroc(labels, np.asarray(scores))}


def run_system(name: str, root: Path, categories: list[str], ratio: float) -> dict[str, float]:
    """Run one system in this process; return the AUROC of each category at the end."""
    if name.startswith("anomalib"):
        return run_anomalib(root, categories, ratio)
    if name.startswith("pyCLAD"):
        return run_pyclad(root, categories, ratio)
    if name.startswith("patchcore-inspection"):
        return run_inspection(root, categories[0], ratio)
    method = "replay" if "replay" in name else "per_category"
    return run_cadbench(root, categories, method, ratio)


def measure(name: str, args: argparse.Namespace) -> tuple[float, float, float, float]:
    """Wall and CPU seconds, peak MB and mean AUROC of a process that runs the system."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "CADBENCH_CACHE": cache, "OMP_NUM_THREADS": "2"}
        words = [sys.executable, __file__, str(args.root), "--system", name]
        words += [
            "--categories",
            args.categories,
            "--stream",
            args.stream,
            "--ratio",
            str(args.ratio),
        ]
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        process = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True)
        printed = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if status:
        raise SystemExit(f"{name} failed; its messages are above")
    found = json.loads(printed.splitlines()[-1])
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, usage.ru_maxrss / 1024, statistics.mean(found.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--categories", default="screw", help="the one category")
    parser.add_argument("--stream", default="metal_nut,toothbrush,transistor")
    parser.add_argument("--ratio", type=float, default=0.01)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--system", choices=SYSTEMS, help="run only this one, in this process")
    args = parser.parse_args()
    if args.system:
        names = args.stream if "stream" in args.system else args.categories
        print(json.dumps(run_system(args.system, args.root, names.split(","), args.ratio)))
        return
    here = [name for name, package in SYSTEMS.items() if importlib.util.find_spec(package)]
    found: dict[str, list[tuple[float, float, float, float]]] = {name: [] for name in here}
    for _ in range(args.rounds):
        for name in here:
            found[name].append(measure(name, args))
    print("| system | wall s | CPU s | peak MB | AUROC |\n|---|---:|---:|---:|---:|")
    for name, runs in found.items():
        wall, cpu, peak, mean = (statistics.median(column) for column in zip(*runs, strict=True))
        print(f"| {name} | {wall:.1f} | {cpu:.1f} | {peak:,.0f} | {mean:.3f} |")


if __name__ == "__main__":
    main()
