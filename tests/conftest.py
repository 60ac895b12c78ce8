"""Fixtures for all tests: generated datasets, a backbone without cost, and small studies."""

from __future__ import annotations

import dataclasses
import functools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

if "PYTEST_XDIST_WORKER" in os.environ:  # the cores are shared with the other workers
    os.environ.setdefault("OMP_NUM_THREADS", "1")
# For pytest-xdist's workers and for commands that tests start: glibc keeps freed memory, instead of
# returning each array to the system and clearing its pages again.
os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(1 << 25))
os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(1 << 28))

settings.register_profile("same examples each time", derandomize=True)
settings.load_profile("same examples each time")

CATEGORIES = ("apple", "bolt", "cork", "dial")
GRID = 8


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the slow groups first, so that at the end no worker waits for one."""
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)


def draw_dataset(
    root: Path,
    categories: Sequence[str] = CATEGORIES,
    *,
    train: int = 6,
    good: int = 4,
    defective: int = 5,
    size: int = 64,
    masks: bool = True,
    seed: int = 0,
) -> Path:
    """A dataset in MVTec AD's layout: noisy plates of a color; defects are bright squares.

    It is drawn once per session and then copied.
    """
    drawn = _draw_once(tuple(categories), train, good, defective, size, masks, seed)
    return shutil.copytree(drawn, root, copy_function=shutil.copyfile, dirs_exist_ok=True)


_DRAWN = tempfile.TemporaryDirectory(prefix="cadbench-tests-")


@functools.cache
def _draw_once(
    categories: tuple[str, ...],
    train: int,
    good: int,
    defective: int,
    size: int,
    masks: bool,
    seed: int,
) -> Path:
    root = Path(tempfile.mkdtemp(dir=_DRAWN.name))
    rng = np.random.Generator(np.random.PCG64(seed))
    for category in categories:
        color = rng.integers(40, 180, 3)

        def plate(color: np.ndarray = color) -> np.ndarray:
            noise = rng.normal(0, 12, (size, size, 3))
            return np.clip(color + noise, 0, 255).astype(np.uint8)

        for split, defect, count in (
            ("train", "good", train),
            ("test", "good", good),
            ("test", "spot", defective),
        ):
            folder = root / category / split / defect
            folder.mkdir(parents=True, exist_ok=True)
            for number in range(count):
                pixels = plate()
                if defect != "good":
                    x, y = rng.integers(size // 4, size // 2, 2)
                    square = np.s_[y : y + size // 8, x : x + size // 8]
                    pixels[square] = np.clip(pixels[square].astype(int) + 25, 0, 255)
                    mask = np.zeros((size, size), np.uint8)
                    mask[square] = 255
                    if masks:
                        there = root / category / "ground_truth" / defect
                        there.mkdir(parents=True, exist_ok=True)
                        Image.fromarray(mask).save(there / f"{number:03d}_mask.png")
                Image.fromarray(pixels).save(folder / f"{number:03d}.png")
    return root


os.environ.setdefault(
    "NUMBA_CACHE_DIR", str(Path(tempfile.gettempdir()) / f"cadbench-tests-numba-{os.getuid()}")
)
"""Else each test with a cache of its own compiles anew."""


@pytest.fixture(autouse=True, scope="session")
def _disk_is_not_awaited() -> Iterator[None]:
    """Records are flushed to the disk, and waiting for it took a sixth of the tests' time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder for one test."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("CADBENCH_CACHE", str(folder))
    monkeypatch.delenv("CADBENCH_DATA", raising=False)
    return folder


@pytest.fixture
def dataset(tmp_path: Path) -> Callable[..., Path]:
    """Call `draw_dataset` with the new folder `plates`."""

    def draw(**options: Any) -> Path:
        return draw_dataset(tmp_path / "plates", **options)

    return draw


def pixel_features(pixels: np.ndarray, grid: int = GRID) -> np.ndarray:
    """(B, 3, H, H) uint8 to (B, grid * grid, 6) float16: mean and deviation per grid square."""
    batch, channels, side, _ = pixels.shape
    step = side // grid
    cells = pixels[:, :, : grid * step, : grid * step].astype(np.float32) / 255
    cells = cells.reshape(batch, channels, grid, step, grid, step)
    both = np.concatenate([cells.mean(axis=(3, 5)), cells.std(axis=(3, 5))], axis=1)
    return both.reshape(batch, 2 * channels, -1).transpose(0, 2, 1).astype(np.float16)


@pytest.fixture
def pixel_backbone(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Replace the backbone by `pixel_features`; the list gets the size of each computed batch."""
    from cadbench.benchmark.features.feature_set import FeatureSet

    batches: list[int] = []

    def compute(pixels: np.ndarray) -> np.ndarray:
        batches.append(len(pixels))
        return pixel_features(pixels)

    monkeypatch.setattr(FeatureSet, "_extractor", lambda self, weights: compute)
    return batches


@dataclasses.dataclass
class Study:
    """A generated dataset with features and services, ready for `evaluate` or a method."""

    manifest: Any
    features: Any
    services: Any

    def stream(self, schedule: str = "1x*", order: str = "alphabetical") -> Any:
        from cadbench.benchmark.streams.orders import resolve_order
        from cadbench.benchmark.streams.stream import Stream

        return Stream(self.manifest, resolve_order(order, self.manifest.categories), schedule)

    def cell(self, method: str, *, seed: int = 0, **changes: Any) -> Any:
        """A cell; `changes` are `params`, `schedule`, `order`, `routing`, `unseen` and `maps`."""
        from cadbench.benchmark.interface.method import CellFacts
        from cadbench.benchmark.pixels.maps import MapSpec
        from cadbench.benchmark.plugins.methods import load_method
        from cadbench.benchmark.running.cell import Cell

        stream = self.stream(changes.pop("schedule", "1x*"), changes.pop("order", "alphabetical"))
        routing = changes.pop("routing", "oracle")
        unseen = changes.pop("unseen", "next")
        maps = changes.pop("maps", MapSpec())
        kind = load_method(method)
        spec = self.features.spec
        facts = CellFacts(spec.backbone, spec.embedding, len(self.manifest.categories))
        params = kind.resolve(kind.Params(**changes.pop("params", {})), facts)
        assert not changes, changes
        return Cell(
            dataset=self.manifest.name,
            manifest=self.manifest.hash,
            order=stream.order,
            schedule=stream.resolved_schedule,
            routing=routing,
            unseen=unseen,
            features=spec,
            maps=maps,
            method=method,
            params=params,
            seed=seed,
        )

    def evaluate(self, cell: Any, **options: Any) -> Any:
        """Evaluate a cell with the features and services of this study."""
        from cadbench.benchmark.running.evaluation.evaluator import evaluate
        from cadbench.benchmark.streams.stream import Stream

        stream = Stream(self.manifest, cell.order, cell.schedule)
        return evaluate(cell, stream, self.features, self.services, **options)


@pytest.fixture
def study(
    tmp_path: Path, cache: Path, dataset: Callable[..., Path], pixel_backbone: list[int]
) -> Callable[..., Study]:
    """Build a `Study`; options go to `draw_dataset`."""

    def build(**options: Any) -> Study:
        import torch
        from cadbench.benchmark.data.images.preprocessing import Preprocessing
        from cadbench.benchmark.data.manifest import build_manifest
        from cadbench.benchmark.features.feature_set import FeatureSet
        from cadbench.benchmark.features.feature_spec import FeatureSpec
        from cadbench.benchmark.features.weights import Weights
        from cadbench.benchmark.running.evaluation.trial import Services
        from cadbench.benchmark.services.coresets.service import Coresets
        from cadbench.benchmark.services.neighbors.service import Neighbors
        from cadbench.benchmark.system.reporting import Silent

        manifest = build_manifest("plates", dataset(**options), cache=cache, workers=0)
        spec = FeatureSpec(
            backbone="tf_efficientnet_lite0",
            weights="0" * 64,
            layers=(8, 16),
            embedding="concat",
            embedding_params={"pool": 3},
            preprocessing=Preprocessing(resize=64, crop=64),
        )
        device = torch.device("cpu")
        features = FeatureSet(manifest, spec, device, cache)
        features.ensure(manifest.categories, Weights("0" * 64), Silent(), pixels=True)
        services = Services(Coresets(device, cache), Neighbors())
        return Study(manifest, features, services)

    return build


@pytest.fixture(scope="session")
def real7() -> Path:
    """The folder of real images that CADBENCH_REAL7 names; skips the test if there is none."""
    folder = os.environ.get("CADBENCH_REAL7")
    if not folder or not Path(folder).is_dir():
        pytest.skip("CADBENCH_REAL7 names no folder of real images")
    return Path(folder)
