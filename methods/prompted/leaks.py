"""The table of leaks: what each departure of UCAD's released code is worth.

`python -m cadbench.methods.prompted.leaks RECORD --data-root FOLDER`, where RECORD was computed
with `--keep-state --set ucad.keep_epochs=true`. The method never gets a label: its state is
restored, and the departures are computed here. Nothing is recorded, so nothing can be ranked.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Literal

import click
import numpy as np

from ...benchmark.auditing.inputs import open_data
from ...benchmark.data.manifest import Manifest
from ...benchmark.features.feature_set import FeatureSet
from ...benchmark.interface.experience import TestBatch
from ...benchmark.progress.choose_reporter import choose_reporter
from ...benchmark.running.cell import Cell
from ...benchmark.running.devices import choose_device
from ...benchmark.running.evaluation.trial import Services, build_method
from ...benchmark.scoring.restored_method import restored_cell, weights_of
from ...benchmark.services.coresets.service import Coresets
from ...benchmark.services.neighbors.service import Neighbors
from ...benchmark.system.cache import cache_root
from ...benchmark.system.reporting import Reporter
from ...benchmark.system.serialization import unpack_file
from ...results.errors import CadbenchError, UsageError
from ...results.records.record import Record, load_record
from ...results.rendering.table import Column, Table, Value, text_column
from .departures import ScoredCategory, departures
from .ucad import Ucad

_BATCH = 32


@click.command()
@click.argument("record", type=click.Path(path_type=Path))
@click.option("--data-root", type=click.Path(path_type=Path), default=None)
@click.option("--weights", type=click.Path(path_type=Path), default=None)
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto")
def main(
    record: Path,
    data_root: Path | None,
    weights: Path | None,
    device: Literal["auto", "cpu", "cuda"],
) -> None:
    """Print what each departure of UCAD's released code adds to the AUROC of a record."""
    from ...benchmark.cli.shared.table_output import print_tables

    try:
        loaded = load_record(record)
        print_tables([leak_table(loaded, data_root, weights, device)])
    except CadbenchError as error:
        raise click.ClickException(str(error)) from error


def leak_table(record: Record, data_root: Path | None, weights: Path | None, device: str) -> Table:
    """Score the test images of a record after every epoch, and make the table.

    Raises:
        UsageError: the record is not of `ucad` with kept epochs.
        DataError: the data are not its data.
    """
    if record.method != "ucad" or not record.cell["method"]["params"].get("keep_epochs"):
        raise UsageError(
            f"{record.path} keeps no epochs of ucad: compute it with `cadbench run --method ucad "
            "--set segments=... --set keep_epochs=true --keep-state`"
        )
    cell = restored_cell(record)
    reporter = choose_reporter(0)
    manifest = open_data(record, cell, data_root, reporter)
    found = weights_of(cell, weights)
    features = FeatureSet(manifest, cell.features, choose_device(device), cache_root())
    features.ensure(manifest.categories, found, reporter, pixels=True)
    method = _restored(record, cell, features, reporter)
    names = [task.category for task in method.tasks]
    scored = [_score(method, task, name, manifest, features) for task, name in enumerate(names)]
    return _table(record, names, departures(scored))


def _restored(record: Record, cell: Cell, features: FeatureSet, reporter: Reporter) -> Ucad:
    services = Services(Coresets(features.device, None, reporter), Neighbors())
    method: Any = build_method(cell, features, services)[0]
    method.load_state_dict(unpack_file(record.state_file(), features.device)["method"])
    assert isinstance(method, Ucad)
    if not all(task.epochs for task in method.tasks):
        raise UsageError(
            f"{record.path} has untrained prompts: compute it with --set segments=slic or files"
        )
    return method


def _score(
    method: Ucad, task: int, category: str, manifest: Manifest, features: FeatureSet
) -> ScoredCategory:
    """Score the test images of a category with the tasks that a departure needs."""
    patches, pixels = features.patches(category, "test"), features.pixels(category, "test")
    ids = patches.ids
    rows = [pixels.row_of[identity] for identity in ids]
    label_of = {item.content: item.label for item in manifest.test(category)}
    routes, keys, batches = [], [], []
    for start in range(0, len(ids), _BATCH):
        part = range(start, min(start + _BATCH, len(ids)))
        batch = TestBatch(tuple(ids[i] for i in part), None, partial(patches.read, part), None)
        candidates = method.key_distances(batch)
        routes.append(method.router.route(batch, candidates).cpu().numpy())
        keys.append(candidates.distances.amax(2).sum(1).cpu().numpy())
        batches.append(part)
    own_routes = np.concatenate(routes)
    common = int(np.argmin(np.sum(keys, axis=0)))
    epochs = len(method.tasks[task].epochs)
    scores = np.full((len(method.tasks), epochs, len(ids)), np.nan)
    for each, stored in enumerate(method.tasks):
        chosen = np.flatnonzero((own_routes == each) | (each in (task, common)))
        if not len(chosen):
            continue
        images = pixels.read([rows[i] for i in chosen])
        for epoch, (prompt, knowledge) in enumerate(stored.epochs):
            distances = method.distances(images, prompt, knowledge)
            scores[each, epoch, chosen] = distances.amax(1).cpu().numpy()
    labels = np.array([label_of[identity] for identity in ids])
    return ScoredCategory(task, labels, own_routes, common, scores)


def _table(record: Record, names: list[str], found: dict[str, list[float]]) -> Table:
    honest = float(np.mean(found["honest"]))
    columns = (
        text_column("departure"),
        *(Column(name, 3) for name in ("mean AUROC", "gain", *names)),
    )
    rows: list[tuple[Value, ...]] = [
        (name, float(np.mean(values)), float(np.mean(values)) - honest, *values)
        for name, values in found.items()
    ]
    notes = (
        "honest: each image routed alone, the last epoch, after all categories; every other row "
        "changes one thing of it, and `all` everything, as the released code does",
        "all rows but the first use test data or skip the continual test: they are no results",
    )
    return Table(f"Leaks of {record.path.name}", columns, tuple(rows), notes)


if __name__ == "__main__":
    main()
