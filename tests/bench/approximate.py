"""Approximate search in banks of all training patches: time, recall, and error of the distances.

`python tests/bench/approximate.py FOLDER [CATEGORY...]` takes the patches of one test image per
category, after all categories have been learned, and searches the vectors of all of them.
"""

from __future__ import annotations

import argparse
import importlib
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import cadbench
import torch
from cadbench.benchmark.interface.experience import TestBatch, TrainExperience
from cadbench.benchmark.interface.memory_block import Block
from cadbench.benchmark.interface.method import Method
from cadbench.benchmark.interface.params import Params
from cadbench.benchmark.interface.prediction import MemoryReport, Prediction
from cadbench.benchmark.services.neighbors.inverted_file import InvertedFiles
from cadbench.benchmark.services.neighbors.search import exact_search

T = TypeVar("T")
PROBES = (1, 4, 16, 64)


class Searched(Method[Params]):
    """Keeps all patches, and one image of each test batch."""

    Params = Params
    bank: list[Block] = []  # noqa: RUF012
    queries: dict[str, torch.Tensor] = {}  # noqa: RUF012

    def observe(self, experience: TrainExperience) -> None:
        for category in experience.categories:
            self.bank.append(self.context.coresets.everything(experience, category))

    def score(self, batch: TestBatch) -> Prediction:
        self.queries[str(batch.category)] = batch.patches[0].clone()
        shape = (len(batch.patches), *self.context.grid)
        return Prediction(torch.zeros(shape[0]), torch.zeros(shape))

    def memory(self) -> MemoryReport:
        count = sum(len(block) for block in self.bank)
        return MemoryReport(count, count, 4 * count, 4 * count)

    def state_dict(self) -> dict[str, object]:
        return {}

    def load_state_dict(self, state: dict[str, object]) -> None:
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("categories", nargs="*")
    given = parser.parse_args()
    with TemporaryDirectory() as out:
        cadbench.Study(
            dataset="folder",
            data_root=given.folder,
            categories=given.categories or None,
            methods={"approximate:Searched": {}},
            unseen="none",
        ).run(out, maps="none")
    searched = importlib.import_module("approximate").Searched  # as the study imported it
    bank, queries = searched.bank, torch.cat(list(searched.queries.values()))
    vectors = torch.cat([block.vectors for block in bank])
    print(f"{len(vectors):,} vectors in {len(bank)} blocks, {len(queries):,} queries")
    seconds, (exact, _) = timed(lambda: exact_search(queries, vectors))
    print(f"exact: {seconds:.1f} s")
    files = InvertedFiles()
    seconds, _ = timed(lambda: files.k_nearest(queries[:1], bank, 1, 1))
    print(f"cells: {seconds:.1f} s")
    for probes in PROBES:
        seconds, (found, _) = timed(lambda p=probes: files.k_nearest(queries, bank, 1, p))
        recall = (found[:, 0] == exact).double().mean()
        excess = (found[:, 0] / exact.clamp_min(1e-9) - 1).mean()
        print(f"{probes} probes: {seconds:.2f} s, recall {recall:.3f}, distances {excess:+.2%}")


def timed(search: Callable[[], T]) -> tuple[float, T]:
    start = time.perf_counter()
    found = search()
    return time.perf_counter() - start, found


if __name__ == "__main__":
    main()
