"""Extraction: images per second from files, against a plain forward loop over tensors in memory.

`python tests/bench/extraction.py [FOLDER] [--device cuda] [--backbone NAME]`, where FOLDER has PNG
files of one size; without it, random images are made. The plain loop runs timm's backbone on the
same batches; the folded one runs the network of extraction (benchmark/features/fusion.py). A line
says how long each stage of the pipeline worked.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cadbench.benchmark.data.images.decoding import content_hash, decode
from cadbench.benchmark.data.images.preprocessing import Preprocessing
from cadbench.benchmark.data.item import Item
from cadbench.benchmark.features.backbones import STRIDES, default_embedding, embedding_params
from cadbench.benchmark.features.cache.extraction import fill_store
from cadbench.benchmark.features.cache.shards import SHARD_SIZE, ShardStore, shards_of
from cadbench.benchmark.features.extractor import MICRO_BATCH, _memory_format, load_extractor
from cadbench.benchmark.features.feature_set import CUDA_THREADS, _reproducible
from cadbench.benchmark.features.feature_spec import FeatureSpec
from cadbench.benchmark.features.timm_models import load_model
from cadbench.benchmark.features.weights import EMBEDDED_BACKBONE, find_weights
from cadbench.benchmark.running.devices import synchronize
from cadbench.benchmark.system.reporting import Silent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--images", type=int, default=512, help="without FOLDER")
    parser.add_argument("--backbone", default=EMBEDDED_BACKBONE)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", type=torch.device, default=torch.device("cpu"))
    args = parser.parse_args()
    layout = _memory_format(args.device)
    made = tempfile.TemporaryDirectory()
    folder = args.folder or make_images(Path(made.name), args.images)
    files = sorted(folder.glob("*.png"))
    pixels = [decode(file) for file in files]
    items = [
        Item("c", "train", "good", file.name, None, 0, 0, content_hash(p), None)
        for file, p in zip(files, pixels, strict=True)
    ]
    preprocessing = Preprocessing()
    weights = find_weights(args.backbone, random=args.backbone != EMBEDDED_BACKBONE)
    embedding = default_embedding(args.backbone)
    spec = FeatureSpec(
        args.backbone, weights.name, STRIDES, embedding, embedding_params(embedding),
        preprocessing,
    )  # fmt: skip
    extractor = load_extractor(spec, weights, args.device)
    images = torch.from_numpy(np.stack([preprocessing.apply(p) for p in pixels]))
    size = MICRO_BATCH if args.device.type == "cpu" else SHARD_SIZE
    batches = images.to(args.device).float().div(255).sub(0.5).div(0.5).split(size)
    shards = shards_of(items)

    plain = load_model(spec, weights).to(args.device, memory_format=layout)

    def loop(model: torch.nn.Module) -> None:
        exact = torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)
        with torch.inference_mode(), exact:
            for batch in batches:
                model(batch.contiguous(memory_format=layout))
        synchronize(args.device)

    def plain_forward() -> None:
        loop(plain)

    def folded() -> None:
        loop(extractor.model)

    def from_files() -> None:
        with tempfile.TemporaryDirectory() as store:
            fill_store(
                ShardStore(Path(store)), shards, items, folder, preprocessing,
                lambda: lambda p: extractor.extract(torch.from_numpy(p)).numpy(),
                Stages(), task_name="", context=_reproducible,
                threads=CUDA_THREADS if args.device.type == "cuda" else 1,
            )  # fmt: skip

    def rate(work) -> float:
        start = time.perf_counter()
        work()
        return len(files) / (time.perf_counter() - start)

    plain_forward(), folded(), from_files()
    for _ in range(args.rounds):
        slow, fast, real = rate(plain_forward), rate(folded), rate(from_files)
        print(
            f"plain forward {slow:6.1f} images/s, folded {fast:6.1f}, from files {real:6.1f}: "
            f"{real / slow:.0%} of plain, {real / fast:.0%} of folded"
        )


class Stages(Silent):
    """Prints how long each stage worked."""

    def detail(self, text: str) -> None:
        print(text.removeprefix(": "))


def make_images(folder: Path, count: int) -> Path:
    """Write PNG files of 256 x 256 random, smooth pixels."""
    rng = np.random.default_rng(0)
    for number in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (32, 32, 3), np.uint8))
        coarse.resize((256, 256), Image.Resampling.BICUBIC).save(folder / f"{number:05}.png")
    return folder


if __name__ == "__main__":
    main()
