"""Methods that cheat: controls that must find nothing in what a method receives.

Each learns nothing and scores a test image by what it finds out about its label; its `route` groups
images that it takes for one category. A cheat that finds nothing gives all images one score.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from ..interface.context import MethodContext
from ..interface.experience import TestBatch, TrainExperience
from ..interface.method import Method, State
from ..interface.prediction import MemoryReport, Prediction
from ..system.rng import generator
from .leak_walk import reachable


class Cheat(Method):
    """Finds out nothing; the base of the cheating methods."""

    def __init__(self, params: Any, context: MethodContext) -> None:
        super().__init__(params, context)
        self.experiences: list[TrainExperience] = []

    def observe(self, experience: TrainExperience) -> frozenset[str] | None:
        self.experiences.append(experience)
        return None

    def guess(self, batch: TestBatch) -> list[float]:
        """Say how likely each image is defective."""
        return [0.0] * len(batch)

    def group(self, batch: TestBatch) -> list[int]:
        """Number the category of each image."""
        return [0] * len(batch)

    def score(self, batch: TestBatch) -> Prediction:
        return Prediction(torch.tensor(self.guess(batch)), route=torch.tensor(self.group(batch)))

    def memory(self) -> MemoryReport:
        return MemoryReport(0, 0, 0, 0)

    def state_dict(self) -> State:
        return {}

    def load_state_dict(self, state: State) -> None:
        pass


class ReadsTheCache(Cheat):
    """Reads the manifests below every folder that a service, an experience or a batch knows."""

    def guess(self, batch: TestBatch) -> list[float]:
        labels = labels_in_manifests(folders(self.context, *self.experiences, batch))
        return [labels.get(identity, 0.0) for identity in batch.ids]


class FollowsReferences(Cheat):
    """Groups images whose stored row a batch takes from one source."""

    def group(self, batch: TestBatch) -> list[int]:
        for _, each in reachable(batch):
            pairs = each if isinstance(each, list | tuple) and len(each) == len(batch) else ()
            if pairs and all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
                sources = list(dict.fromkeys(id(source) for source, _ in pairs))
                return [sources.index(id(source)) for source, _ in pairs]
        return super().group(batch)


class KnowsTheIds(Cheat):
    """Looks images up in a table of the content hashes of a public dataset."""

    def guess(self, batch: TestBatch) -> list[float]:
        # The table of the mock dataset: the hash of an image is that of its path.
        table = {}
        names = {name for experience in self.experiences for name in experience.categories}
        for name, number in itertools.product(names, range(1000)):
            for defect in ("good", "spot"):
                path = f"{name}/test/{defect}/{number:03d}.png"
                table[hashlib.sha256(path.encode()).hexdigest()] = float(defect != "good")
        return [table.get(identity, 0.0) for identity in batch.ids]


class CountsPositions(Cheat):
    """Takes images that arrive later for defective, and neighbors for one category."""

    def __init__(self, params: Any, context: MethodContext) -> None:
        super().__init__(params, context)
        self.position = 0

    def guess(self, batch: TestBatch) -> list[float]:
        start = self.position
        self.position += len(batch)
        return [float(start + index) for index in range(len(batch))]

    def group(self, batch: TestBatch) -> list[int]:
        return [index // 4 for index in range(len(batch))]


class UndoesTheShuffle(Cheat):
    """Computes the place of each image in the cache from the known seed of the shuffle."""

    _IMAGES = 64

    def __init__(self, params: Any, context: MethodContext) -> None:
        super().__init__(params, context)
        self.position: dict[str, int] = {}

    def guess(self, batch: TestBatch) -> list[float]:
        return [float(row) for row in self._rows(batch)]

    def group(self, batch: TestBatch) -> list[int]:
        return [row // 16 for row in self._rows(batch)]

    def _rows(self, batch: TestBatch) -> list[int]:
        name = batch.category or ""
        order = generator(0, "test order", name).permutation(self._IMAGES)
        start = self.position.get(name, 0) % self._IMAGES
        return [int(order[(start + index) % self._IMAGES]) for index in range(len(batch))]


class ReadsTheComposition(Cheat):
    """Takes the size of a batch, and where its values are in memory, for signs."""

    def guess(self, batch: TestBatch) -> list[float]:
        return [float(len(batch))] * len(batch)

    def group(self, batch: TestBatch) -> list[int]:
        patches = batch.patches
        whole = patches.untyped_storage().nbytes() // max(1, patches[0].nbytes)
        offset = int(patches.storage_offset())
        return [(index + offset) * 4 // whole for index in range(len(batch))]


class SortsTheIds(Cheat):
    """Takes the order of ids for an order of labels, and their first characters for groups."""

    def guess(self, batch: TestBatch) -> list[float]:
        return [int(identity[:8], 16) / 2**32 for identity in batch.ids]

    def group(self, batch: TestBatch) -> list[int]:
        return [int(identity[:1], 16) // 4 for identity in batch.ids]


CHEATS: tuple[type[Cheat], ...] = (
    ReadsTheCache,
    FollowsReferences,
    KnowsTheIds,
    CountsPositions,
    UndoesTheShuffle,
    ReadsTheComposition,
    SortsTheIds,
)
"""The cheating methods that `cadbench check` runs."""


def folders(*roots: object) -> Iterator[Path]:
    """Every folder that can be reached from what a method received."""
    for _, each in reachable(*roots):
        if isinstance(each, os.PathLike):
            yield Path(each)


def labels_in_manifests(found: Any) -> dict[str, float]:
    """Labels by content hash from all manifests in these folders and up to three above."""
    labels: dict[str, float] = {}
    for folder in found:
        for near in [folder, *list(folder.parents)[:3]]:
            for file in near.glob("manifests/*.json"):
                text = file.read_text("utf-8")
                for path, values in json.loads(text[text.index("{") :])["files"].items():
                    labels[str(values[-1])] = float("/good/" not in path)
    return labels
