"""Bootstrap intervals: seconds for one row of a study of MVTec AD's size, and for more images.

`python tests/bench/intervals.py`: 1,000 replicates of every AUROC of 12 runs of 15 experiences and
15 categories of 115 test images; then one value of n images, against a product with the matrix of
all pairs (defective, good).
"""

from __future__ import annotations

import itertools
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from cadbench.results.metrics.compute import compute_metrics
from cadbench.results.metrics.image.auroc import weighted_auroc
from cadbench.results.records.record import Record
from cadbench.results.records.store import partial_dir, record_dir, write_record
from cadbench.results.statistics.bootstrap import Bootstrap
from cadbench.results.statistics.bootstrap_draws import Draws
from cadbench.results.tables.comparison import EXPERTS, main_tables

from tests.results.samples import make_cell, make_events, make_memory, make_run

GOOD, DEFECTIVE, CATEGORIES = 31, 84, 15


def scores(names: list[str], rng: np.random.Generator) -> pd.DataFrame:
    """New scores after every experience, so that no value is carried over."""
    n, T = GOOD + DEFECTIVE, len(names)
    label = np.tile(np.repeat([0, 1], [GOOD, DEFECTIVE]), T * T)
    return pd.DataFrame(
        {
            "experience": np.repeat(np.arange(1, T + 1), T * n),
            "category": np.tile(np.repeat(names, n), T),
            "image": np.tile([f"{name}{i:04d}" for name in names for i in range(n)], T),
            "label": label,
            "defect": np.where(label, "scratch", "good"),
            "score": rng.normal(size=label.size) + label,
            "route": -1,
        }
    )


def write_runs(folder: Path) -> list[Record]:
    """12 runs of one configuration: 3 seeds of 4 orders."""
    rng = np.random.Generator(np.random.PCG64(0))
    names = [f"part{i:02d}" for i in range(CATEGORIES)]
    found = []
    for seed, order in itertools.product(range(3), "abcd"):
        stream = [[name] for name in rng.permutation(names).tolist()]
        of_stream = [name for new in stream for name in new]
        cell = make_cell(seed=seed, order=order, categories=of_stream)
        table = scores(names, rng)
        events = make_events({name: i % 3 for i, name in enumerate(of_stream)})
        frames = {
            "scores": table,
            "metrics": compute_metrics(table, stream, "oracle", events),
            "memory": make_memory(CATEGORIES),
            "events": events,
        }
        final = record_dir(folder, cell)
        found.append(write_record(partial_dir(final), final, make_run(cell, stream), frames))
    return found


def by_pairs(values: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The same AUROCs by a matrix product."""
    above = values[labels][:, None] > values[~labels]
    equal = values[labels][:, None] == values[~labels]
    won = (above + 0.5 * equal).astype(np.float32)
    defective, good = weights[labels], weights[~labels]
    pairs = defective.sum(axis=0, dtype=float) * good.sum(axis=0, dtype=float)
    return np.einsum("ij,ij->j", won.T @ defective, good, dtype=float) / pairs


def milliseconds(work, repeats: int) -> float:
    work()
    start = time.perf_counter()
    for _ in range(repeats):
        work()
    return 1e3 * (time.perf_counter() - start) / repeats


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        records = write_runs(Path(folder))
        for columns in (("acc",), EXPERTS):
            start = time.perf_counter()
            main_tables(records, columns=columns)
            plain = time.perf_counter() - start
            start = time.perf_counter()
            main_tables(records, columns=columns, bootstrap=Bootstrap())
            took = time.perf_counter() - start
            print(f"12 runs, {len(columns)} columns: {plain:.2f} s, with intervals {took:.2f} s")
    print(f"{'images':>8} {'ranked ms':>10} {'pairs ms':>10}")
    rng = np.random.Generator(np.random.PCG64(0))
    for n in (115, 1000, 5000):
        labels = np.arange(n) >= n // 3
        values = (rng.normal(size=n) + labels).round(3)
        weights = Draws().images([f"{i:05d}" for i in range(n)], labels)
        repeats = max(1, 5000 // n)
        ranked = milliseconds(lambda: weighted_auroc(values, labels, weights), repeats)  # noqa: B023
        pairs = milliseconds(lambda: by_pairs(values, labels, weights), repeats)  # noqa: B023
        print(f"{n:>8} {ranked:>10.2f} {pairs:>10.2f}")


if __name__ == "__main__":
    main()
