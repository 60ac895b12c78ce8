"""Training steps per second and peak memory of trained detectors, in float32 and mixed precision.

`python tests/bench/training.py [--device cuda] [--images 64] [NAME...]`, such as
`python tests/bench/training.py --device cuda feature_ae+naive stfpm+naive`. Images and features are
random, of the size that the embedded backbone gives; nothing is decoded. Not yet run on CUDA.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cadbench.benchmark.conformance.mock_stream import mock_stream
from cadbench.benchmark.plugins.methods import load_method
from cadbench.benchmark.running.devices import synchronize
from cadbench.benchmark.system.costs import CostMeter


def measure(name: str, precision: str, device: torch.device, images: int, epochs: int) -> str:
    """One row: training images per second, peak memory, joules."""
    stream = mock_stream(categories=2, train=images, test=1, side=28, dim=152, device=str(device))
    kind = load_method(name)
    method = stream.build(kind, stream.resolved(kind, epochs=epochs, precision=precision))
    first, second = stream.experiences(images=kind.uses_images)
    method.observe(first)  # the first experience prepares kernels
    synchronize(device)
    started = time.perf_counter()
    with CostMeter(device) as meter:
        method.observe(second)
        synchronize(device)
    rate = images * epochs / (time.perf_counter() - started)
    process, gpu = ((each or 0) / 1e6 for each in (meter.process_bytes, meter.gpu_bytes))
    return f"| {name} | {precision} | {rate:,.0f} | {process:,.0f} | {gpu:,.0f} | {meter.joules} |"


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=["feature_ae+naive", "stfpm+naive"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=5)
    given = parser.parse_args()
    device = torch.device(given.device)
    print("| method | precision | images/s | process MB | GPU MB | joules |")
    print("|---|---|---:|---:|---:|---:|")
    for name in given.names:
        for precision in ("float32", "mixed"):
            print(measure(name, precision, device, given.images, given.epochs), flush=True)


if __name__ == "__main__":
    main()
