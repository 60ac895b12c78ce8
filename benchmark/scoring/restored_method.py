"""Restore the method of a finished record, and refuse what does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...results.errors import CadbenchError, UsageError
from ...results.records.record import Record
from ..features.feature_set import FeatureSet
from ..features.feature_spec import EXTRACTION_VERSION
from ..features.weights import Weights, find_weights
from ..plugins.methods import load_method
from ..running.cell import Cell
from ..running.evaluation.batches import SaltedIds
from ..running.evaluation.progress import ColumnScores
from ..running.evaluation.scoring import rows_to_score, score_columns
from ..running.evaluation.trial import Services, build_method
from ..services.coresets.service import Coresets
from ..services.neighbors.service import Neighbors
from ..system.global_state import exit_raises, restored_global_state
from ..system.plugin_errors import attribute_errors_to
from ..system.reporting import Reporter
from ..system.serialization import unpack_file

_AGAIN = "compute the cell again with `cadbench run --keep-state`"


def restored_cell(record: Record) -> Cell:
    """Return the cell of a record whose method can be restored.

    Raises:
        UsageError: the record keeps no state, or its method or its features are of another version.
    """
    if not record.has_state:
        raise UsageError(f"{record.path} keeps no method state: {_AGAIN}")
    recorded = record.cell["method"]["version"]
    installed = load_method(record.method).version
    if recorded != installed:
        raise UsageError(
            f"{record.path} is of version {recorded} of {record.method}, and version {installed} "
            f"is installed: {_AGAIN}"
        )
    cell = Cell.from_dict(record.cell, str(record.path))
    if cell.features.extraction != EXTRACTION_VERSION:
        raise UsageError(
            f"{record.path} has features of extraction version {cell.features.extraction}, and "
            f"this cadbench extracts version {EXTRACTION_VERSION}: {_AGAIN}"
        )
    return cell


def weights_of(cell: Cell, file: Path | None) -> Weights:
    """Return the backbone weights of a cell.

    Args:
        cell: the cell.
        file: the weights file; None for the pretrained weights of the backbone.

    Raises:
        UsageError: these are not the weights of the cell.
    """
    features = cell.features
    random = features.weights.startswith("random:")
    weights = find_weights(features.backbone, file, random=random and file is None)
    if weights.name != features.weights:
        raise UsageError(
            f"the record has features of {features.backbone} with other weights "
            f"({features.weights[:12]}, not {weights.name[:12]}); give its file with --weights"
        )
    return weights


def score_images(
    record: Record,
    cell: Cell,
    features: FeatureSet,
    cache: Path,
    reporter: Reporter,
) -> tuple[ColumnScores, np.ndarray | None]:
    """Score the test images of `features` with the restored method.

    Args:
        record: the record.
        cell: its cell.
        features: features of the images, which have one category.
        cache: the cache folder.
        reporter: receives progress and warnings.

    Returns:
        Scores and experts by row of the features, and the anomaly maps (n, h, w) float16 if the
        method makes maps.

    Raises:
        CadbenchError: the features or the state do not fit.
    """
    recorded = record.run["features"]
    if (recorded["grid"], recorded["dim"]) != (list(features.grid), features.shape[1]):
        raise CadbenchError(
            f"{record.path} has features of grid {recorded['grid']} and length {recorded['dim']}, "
            f"and these images have {list(features.grid)} and {features.shape[1]}: {_AGAIN}"
        )
    state = unpack_file(record.state_file(), features.device)
    services = Services(Coresets(features.device, cache, reporter), Neighbors())
    columns: Sequence[str] = features.manifest.categories
    with restored_global_state(), exit_raises():
        method, _ = build_method(cell, features, services)
        try:
            with attribute_errors_to(cell.method, type(method), "load_state_dict"):
                method.load_state_dict(state["method"])
        except CadbenchError as error:
            raise CadbenchError(f"the state in {record.path} does not fit: {error}") from error
        ids = SaltedIds(bytes.fromhex(state["salt"]) if state["salt"] else None)
        rows = rows_to_score(features, columns)
        scores, maps, _ = score_columns(cell, method, rows, features, ids)
    (column,) = columns
    return scores[column], maps.get(column)
