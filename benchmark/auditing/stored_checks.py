"""Checks that need no data: the files of a record, and its metrics against its scores."""

from __future__ import annotations

from ...results.errors import RecordError
from ...results.exchange.verification import metric_differences
from ...results.records.record import Record
from .check import Check


def check_files(record: Record) -> Check:
    """Compare every file with its checksum; key and seal were compared when it was loaded."""
    count = len(record.run["checksums"])
    try:
        record.verify()
    except RecordError as error:
        return Check("files", count, (str(error).replace(f"{record.path}/", ""),))
    return Check("files", count)


def check_metrics(record: Record) -> Check:
    """Compute every metric again from the stored scores.

    Pixel metrics of single categories need the masks and are not computed (see `check_pixels`).
    """
    try:
        count, differences, largest = metric_differences(record)
    except RecordError as error:
        return Check("metrics", 0, (str(error),))
    return Check("metrics", count, tuple(differences), largest)
