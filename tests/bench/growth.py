"""Growth: time and memory of a MECAD run with more categories, and more images per category.

`python tests/bench/growth.py` generates features, without images and backbone. There is one expert
per three categories, and `unseen` is `none`. Each size runs in its own process, so that its peak
memory is not that of another size.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

DIM = 152


def generate_study(root: Path, categories: int, train: int, test: int, side: int):
    """A manifest of images that do not exist, and a feature set with generated patches for them."""
    import torch
    from cadbench.benchmark.data.images.preprocessing import Preprocessing
    from cadbench.benchmark.data.item import Item
    from cadbench.benchmark.data.manifest import Manifest
    from cadbench.benchmark.features.cache.shards import shards_of
    from cadbench.benchmark.features.feature_set import FeatureSet
    from cadbench.benchmark.features.feature_spec import FeatureSpec

    def item(category: str, split: str, number: int) -> Item:
        name = f"{category}/{split}/{number}"
        defect = "good" if split == "train" or number % 2 else "bad"
        content = hashlib.sha256(name.encode()).hexdigest()
        return Item(category, split, defect, name, None, 256, 256, content, None)

    names = [f"c{number:04d}" for number in range(categories)]
    items = [item(c, s, n) for c in names for s, k in (("train", train), ("test", test))
             for n in range(k)]  # fmt: skip
    manifest = Manifest("generated", root, tuple(items))
    spec = FeatureSpec("tf_efficientnet_lite0", "0" * 64, (8, 16), "concat", {"pool": 3},
                       Preprocessing(resize=side, crop=side))  # fmt: skip
    features = FeatureSet(manifest, spec, torch.device("cpu"), root)
    for index, category in enumerate(names):
        rng = np.random.default_rng(index // 3)
        modes = rng.normal(size=(60, DIM)).astype(np.float32)
        rng = np.random.default_rng([index, 1])
        for split in ("train", "test"):
            for shard in shards_of(getattr(manifest, split)(category)):
                member = rng.integers(0, 60, (len(shard.ids), (side // 8) ** 2))
                noise = rng.normal(0, 0.3, (*member.shape, DIM)).astype(np.float32)
                features._patch_store.write(shard, (modes[member] + noise).astype(np.float16))
    return manifest, features


def measure(categories: int, train: int, test: int, side: int) -> None:
    """Run once and print seconds and peak MB."""
    from cadbench.benchmark.interface.method import CellFacts
    from cadbench.benchmark.pixels.maps import MapSpec
    from cadbench.benchmark.plugins.methods import load_method
    from cadbench.benchmark.running.cell import Cell
    from cadbench.benchmark.running.checkpoint import Checkpoint
    from cadbench.benchmark.running.evaluation.evaluator import evaluate
    from cadbench.benchmark.running.evaluation.trial import Services
    from cadbench.benchmark.running.recording import record
    from cadbench.benchmark.services.coresets.service import Coresets
    from cadbench.benchmark.services.neighbors.service import Neighbors
    from cadbench.benchmark.streams.orders import resolve_order
    from cadbench.benchmark.streams.stream import Stream

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        manifest, features = generate_study(root, categories, train, test, side)
        method = load_method("mecad")
        params = method.Params(experts=max(1, categories // 3), threshold=0.9)
        params = method.resolve(params, CellFacts("", "", categories))
        stream = Stream(manifest, resolve_order("alphabetical", manifest.categories))
        cell = Cell(
            dataset="generated",
            manifest=manifest.hash,
            order=stream.order,
            schedule=stream.resolved_schedule,
            unseen="none",
            features=features.spec,
            maps=MapSpec(),
            method="mecad",
            params=params,
            seed=0,
        )
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        services = Services(Coresets(features.device, root), Neighbors())
        checkpoint = Checkpoint(root / "checkpoint", cell.key)
        start = time.perf_counter()
        progress = evaluate(cell, stream, features, services, checkpoint=checkpoint.save)
        record(cell, stream, features, progress, root / "runs", "final", {})
        seconds = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(seconds, max(after, before) / 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--one",
        nargs=4,
        type=int,
        metavar=("CATEGORIES", "TRAIN", "TEST", "PIXELS"),
        help="run one size in this process; PIXELS is the side of an image, 224 by default",
    )
    parser.add_argument("--categories", default="15,60,240")
    parser.add_argument("--images", default="20,80", help="training images per category")
    args = parser.parse_args()
    if args.one:
        measure(*args.one)
        return
    sizes = [(int(c), 8, 8) for c in args.categories.split(",")]
    sizes += [(15, int(n), int(n) // 2) for n in args.images.split(",")]
    print(
        f"{'categories':>10} {'train':>6} {'test':>5} {'seconds':>8} {'s/category':>10} {'MB':>6}"
    )
    for size in sizes:
        words = [sys.executable, __file__, "--one", *map(str, size), "224"]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        seconds, memory = map(float, done.stdout.split())
        print(f"{size[0]:>10} {size[1]:>6} {size[2]:>5} {seconds:>8.1f} "
              f"{seconds / size[0]:>10.3f} {memory:>6.0f}")  # fmt: skip


if __name__ == "__main__":
    main()
