"""Images per second, CPU time and peak memory of backbones with random weights.

`python tests/bench/gpu_transformers.py [--device cuda] [--images 256] NAME...`. Without names it
measures vision transformers from ViT-S to ViT-L, among them the one of UCAD's paper (ViT-B/16).
Images are random pixels in memory: nothing is decoded or downloaded.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cadbench.benchmark.data.images.preprocessing import Preprocessing
from cadbench.benchmark.features.backbones import default_embedding, embedding_params
from cadbench.benchmark.features.cache.shards import SHARD_SIZE
from cadbench.benchmark.features.extractor import load_extractor
from cadbench.benchmark.features.feature_spec import FeatureSpec
from cadbench.benchmark.features.networks.layers import default_layers
from cadbench.benchmark.features.weights import find_weights
from cadbench.benchmark.running.devices import synchronize

TRANSFORMERS = (
    "vit_small_patch14_dinov2",
    "vit_small_patch16_dinov3",
    "vit_base_patch16_224",
    "vit_base_patch14_dinov2",
    "vit_large_patch14_dinov2",
)


def measure(backbone: str, device: torch.device, images: int) -> str:
    """One row: seconds to load, images per second, peak memory, and the features' shape."""
    layers = default_layers(backbone)
    embedding = default_embedding(backbone, layers)
    weights = find_weights(backbone, random=True)
    spec = FeatureSpec(
        backbone, weights.name, layers, embedding, embedding_params(embedding), Preprocessing()
    )
    started = time.perf_counter()
    extractor = load_extractor(spec, weights, device)
    loaded = time.perf_counter() - started
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (SHARD_SIZE, 3, 224, 224), generator=generator).byte()
    patches = extractor.extract(pixels)  # the first pass prepares kernels
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    synchronize(device)
    started, cpu_started = time.perf_counter(), time.process_time()
    passes = max(1, images // SHARD_SIZE)
    for _ in range(passes):
        extractor.extract(pixels)
    synchronize(device)
    seconds = time.perf_counter() - started
    rate = passes * SHARD_SIZE / seconds
    cpu = 1000 * (time.process_time() - cpu_started) / (passes * SHARD_SIZE)
    memory = torch.cuda.max_memory_allocated(device) / 1e9 if device.type == "cuda" else 0.0
    shape = "x".join(map(str, patches.shape[1:]))
    names = ",".join(map(str, layers))
    return (
        f"| {backbone} | {names} | {shape} | {loaded:.1f} | {rate:.1f} | {cpu:.0f} | {memory:.2f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("backbones", nargs="*", default=TRANSFORMERS)
    parser.add_argument("--device", type=torch.device, default=torch.device("cuda"))
    parser.add_argument("--images", type=int, default=256)
    args = parser.parse_args()
    torch.set_num_threads(2)
    print("| backbone | layers | patches | s to load | images/s | CPU ms per image | peak GB |")
    print("|---|---|---|---:|---:|---:|---:|")
    for backbone in args.backbones:
        print(measure(backbone, args.device, args.images), flush=True)


if __name__ == "__main__":
    main()
