"""The cost model: operations and bytes of a MECAD study, with constants measured on this machine.

`python tests/bench/cost.py [--device cuda] [--backbone NAME] [--random-weights] [--images FOLDER]
[--size CATEGORIES TRAIN TEST]` measures the images per second of decoding and backbone, the
selection of one coreset and the rate of the neighbor search. From these it predicts a dataset, by
default MVTec AD (15 categories, 3,629 training and 1,725 test images).

    extraction   images / rate;                      bytes  images * P * D * 2 (float16 on disk)
    selection    categories * one selection;         bytes  P * n_train * D * 2 (memory-mapped)
    search       multiply-adds / rate, P * D * sum over all compared (image, vector) pairs
    metrics      rows of the matrix that change * test images * 0.8 ms (tests/bench/pixels.py)

Pairs of one expert under oracle routing: when category t is learned, every seen image is compared
with its coreset (400) and, once, with the replayed vectors of the others: 80 per category up to six
categories, and again 0.2 * 2400 / n per category whenever another category changes the buffer.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cadbench.benchmark.data.images.decoding import decode
from cadbench.benchmark.data.images.preprocessing import Preprocessing
from cadbench.benchmark.features.backbones import STRIDES, default_embedding, embedding_params
from cadbench.benchmark.features.extractor import load_extractor
from cadbench.benchmark.features.feature_spec import FeatureSpec
from cadbench.benchmark.features.weights import EMBEDDED_BACKBONE, find_weights
from cadbench.benchmark.running.devices import synchronize
from cadbench.benchmark.running.evaluation.batches import BATCH_SIZE
from cadbench.benchmark.services.coresets.k_center import greedy_k_center
from cadbench.benchmark.services.neighbors.search import exact_search
from cadbench.benchmark.system.processes import available_cores

MVTEC_AD = (15, 3629, 1725)
"""Categories, training and test images."""
CORESET = 400
REPEATS = {"cpu": 1, "cuda": 10}


def images_per_second(
    spec: FeatureSpec, weights, images: np.ndarray, device: torch.device
) -> tuple[float, int, int]:
    """(images per second, P, D) of the backbone, with images in memory."""
    extractor = load_extractor(spec, weights, device)
    pixels = torch.from_numpy(images)
    patches = extractor.extract(pixels)
    start = time.perf_counter()
    for _ in range(REPEATS[device.type]):
        extractor.extract(pixels)
    seconds = (time.perf_counter() - start) / REPEATS[device.type]
    return len(pixels) / seconds, patches.shape[1], patches.shape[2]


def decoded_per_second(folder: Path | None) -> float:
    """Images per second that one core decodes and resizes, by default of 900 px."""
    with tempfile.TemporaryDirectory() as place:
        if folder is None:
            from PIL import Image

            folder = Path(place)
            grid = np.add.outer(np.arange(900), np.arange(900))[..., None] // (3, 5, 7)
            noise = np.random.default_rng(0).integers(0, 12, (900, 900, 3))
            for number in range(8):
                Image.fromarray((grid % 200 + noise).astype(np.uint8)).save(
                    folder / f"{number}.png"
                )
        files = sorted(folder.glob("*.png"))[:40]
        start = time.perf_counter()
        for file in files:
            Preprocessing().apply(decode(file))
        return len(files) / (time.perf_counter() - start)


def selection_seconds(vectors: int, dim: int, device: torch.device) -> float:
    """One exact greedy selection of 400 among features of 60 clusters."""
    rng = np.random.default_rng(0)
    modes = rng.normal(size=(60, dim)).astype(np.float32)
    values = np.empty((vectors, dim), np.float16)
    for start in range(0, vectors, 10_000):
        stop = min(start + 10_000, vectors)
        noise = rng.normal(0, 0.3, (stop - start, dim)).astype(np.float32)
        values[start:stop] = modes[rng.integers(0, 60, stop - start)] + noise
    patches = values if device.type == "cpu" else torch.from_numpy(values).to(device)
    greedy_k_center(patches[:4000], 10, 0)
    start = time.perf_counter()
    greedy_k_center(patches, CORESET, 0)
    return time.perf_counter() - start


def multiply_adds_per_second(patches: int, dim: int, device: torch.device) -> float:
    """Rate of the exact search in a block of 400 vectors, for one batch of a run."""
    queries = torch.rand((BATCH_SIZE * patches, dim)).half().float().to(device)
    vectors = torch.rand((CORESET, dim)).half().float().to(device)
    exact_search(queries, vectors)
    synchronize(device)
    start = time.perf_counter()
    for _ in range(5):
        exact_search(queries, vectors)
    synchronize(device)
    return 5 * len(queries) * CORESET * dim / (time.perf_counter() - start)


def pairs_of_one_expert(categories: int, test: int) -> float:
    """(image, vector) pairs over the stream."""
    each = test / categories
    pairs = 0.0
    replayed = 0.2 * CORESET
    for t in range(1, categories + 1):
        pairs += t * each * CORESET
        buffer = min(CORESET, 2400 // t)
        new = t - 1 if buffer < CORESET else 1  # new blocks of replayed vectors
        pairs += t * each * (new if t > 1 else 0) * math.ceil(0.2 * buffer)
    return pairs + each * replayed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--backbone", default=EMBEDDED_BACKBONE)
    parser.add_argument("--random-weights", action="store_true")
    parser.add_argument(
        "--size", type=int, nargs=3, default=MVTEC_AD, metavar=("CATEGORIES", "TRAIN", "TEST")
    )
    parser.add_argument("--images", type=Path, help="PNG files to decode")
    parser.add_argument("--device", type=torch.device, default=torch.device("cpu"))
    given = parser.parse_args()
    categories, train, test = given.size
    weights = find_weights(given.backbone, None, random=given.random_weights)
    embedding = default_embedding(given.backbone)
    spec = FeatureSpec(given.backbone, weights.name, STRIDES, embedding,
                       embedding_params(embedding), Preprocessing())  # fmt: skip
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (32, 3, 224, 224), dtype=np.uint8)
    rate, patches, dim = images_per_second(spec, weights, images, given.device)
    decoding = decoded_per_second(given.images) * available_cores()
    # On the CPU both use the same cores; with a GPU they overlap.
    both = 1 / (1 / rate + 1 / decoding) if given.device.type == "cpu" else min(rate, decoding)
    selection = selection_seconds(patches * train // categories, dim, given.device)
    products = multiply_adds_per_second(patches, dim, given.device)
    count = train + test
    macs = patches * dim * pairs_of_one_expert(categories, test)
    rows = (categories + 1) * test / 2
    print(
        f"{given.backbone} {embedding}, P = {patches}, D = {dim}, {given.device}, "
        f"{available_cores()} cores"
    )
    print(f"backbone {rate:.1f} images/s, decoding {decoding:.0f}, both {both:.1f}")
    print(f"one selection {selection:.1f} s, search {products / 1e9:.0f} G multiply-adds/s")
    print(f"predicted: extraction {count / both:8.1f} s, {count * patches * dim * 2 / 1e9:.1f} GB")
    print(f"           selection  {categories * selection:8.1f} s")
    print(f"           one expert {macs / products:8.1f} s, {macs / 1e12:.1f} T multiply-adds")
    print(f"           pixels     {rows * 0.8e-3:8.1f} s at most")


if __name__ == "__main__":
    main()
