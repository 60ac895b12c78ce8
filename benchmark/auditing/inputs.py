"""What an audit needs to compute a cell again; a reason where something is missing or different."""

from __future__ import annotations

from pathlib import Path

from ...results.errors import DataError, UsageError
from ...results.records.record import Record
from ..data.manifest import Manifest
from ..data.opening.open_dataset import dataset_option_of_record, open_dataset
from ..features.feature_spec import EXTRACTION_VERSION
from ..plugins.methods import load_method
from ..running.cell import Cell
from ..system.cache import cache_root
from ..system.reporting import Reporter


def restore_cell(record: Record) -> Cell:
    """Return the cell of a record.

    Raises:
        UsageError: the method is not installed, or the method, the features or the record are of
            another version.
    """
    installed = load_method(record.method).version
    recorded = record.cell["method"]["version"]
    if recorded != installed:
        raise UsageError(
            f"the record is of version {recorded} of {record.method}, and version {installed} is "
            "installed"
        )
    extraction = record.cell["features"]["extraction"]
    if extraction != EXTRACTION_VERSION:
        raise UsageError(
            f"the record has features of extraction version {extraction}, and this cadbench "
            f"extracts version {EXTRACTION_VERSION}"
        )
    return Cell.from_dict(record.cell, "the record")


def open_data(record: Record, cell: Cell, data_root: Path | None, reporter: Reporter) -> Manifest:
    """Return the images of a record's dataset.

    Raises:
        DataError: the dataset is missing, or has other images than the record.
    """
    manifest = open_dataset(
        dataset_option_of_record(cell.dataset),
        None if cell.dataset == "synthetic" else data_root,
        sorted(cell.order.categories),
        require_every_dataset=False,
        skip_unreadable=bool(record.run["skipped"]),
        cache=cache_root(),
        reporter=reporter,
    )
    if manifest.hash != cell.manifest:
        raise DataError(
            f"the images in {manifest.root} are not those of the record (manifest "
            f"{manifest.hash[:8]}, the record has {cell.manifest[:8]}); give its dataset with "
            "--data-root"
        )
    return manifest
