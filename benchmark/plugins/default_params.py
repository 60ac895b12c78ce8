"""Default parameters of the methods in records; tables leave out parameters that equal them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...results.errors import UsageError
from ...results.records.record import Record


def default_params(records: Iterable[Record]) -> Mapping[str, Mapping[str, Any]]:
    """Each method's default parameters, resolved for the features of its first record.

    A method that is not available or fails has no entry; then tables show all of its parameters
    that vary.
    """
    from ..interface.method import CellFacts
    from .methods import method_of_record

    defaults: dict[str, Mapping[str, Any]] = {}
    for record in records:
        if record.method in defaults:
            continue
        features = record.cell["features"]
        facts = CellFacts(
            features["backbone"],
            features["embedding"],
            len(record.cell["order"]["categories"]),
            tuple(sorted(record.cell["order"]["categories"])),
            tuple(features["layers"]),
        )
        method = method_of_record(record.method)
        if method is None:
            continue
        try:
            defaults[record.method] = method.resolve(method.Params(), facts).whole()
        except UsageError:  # `auto` has no value for these features, so every value is shown
            defaults[record.method] = method.Params().whole()
        except Exception:  # an error in the method's code must not prevent reading records
            continue
    return defaults
