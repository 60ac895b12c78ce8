"""The orders `easy_to_hard` and `hard_to_easy`: by the AUROC of each category with its own bank."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ...results.errors import UsageError
from ...results.published.difficulty import (
    REFERENCE,
    measured_difficulty,
    published_difficulty,
    sort_by_difficulty,
)
from ...results.records.record import Record
from ...results.records.schema import CellEntry
from ...results.records.store import find_records
from ..data.manifest import Manifest
from ..interface.method import CellFacts
from ..plugins.class_methods import resolve_params
from ..plugins.methods import load_method
from ..streams.orders import BY_DIFFICULTY, Order, listed_order
from ..system.reporting import Reporter

if TYPE_CHECKING:
    from ..features.feature_spec import FeatureSpec

_PUBLISHED = "published"


def is_by_difficulty(text: str) -> bool:
    """Whether the text of `--order` asks for an order by difficulty."""
    return text.partition(":")[0] in BY_DIFFICULTY


def order_by_difficulty(
    text: str, manifest: Manifest, features: FeatureSpec, out: Path, reporter: Reporter
) -> Order:
    """Resolve `easy_to_hard`, `hard_to_easy`, or one of them with `:published`.

    Args:
        text: the text of `--order`.
        manifest: the images.
        features: the features of the study; records with other features are not used.
        out: folder of the records.
        reporter: is told where the order comes from.

    Returns:
        The order. Its name ends with a hash of the list, as that of an order from a file.

    Raises:
        UsageError: nothing tells how difficult the categories are.
    """
    kind, colon, source = text.partition(":")
    if colon and source != _PUBLISHED:
        raise UsageError(f"--order {text}: write {kind} or {kind}:{_PUBLISHED}")
    if colon:
        auroc, origin = _published(text, manifest)
    else:
        records = [r for r in find_records(out) if _is_reference(r, manifest, features)]
        if not records:
            raise UsageError(_missing(text, manifest, out))
        auroc, origin = measured_difficulty(records), f"{REFERENCE} records in {out}"
        if unknown := sorted(name for name, value in auroc.items() if value != value):
            raise UsageError(
                f"--order {text}: the AUROC of {', '.join(unknown)} is not defined, because "
                "there are no good or no defective test images"
            )
    order = listed_order(kind, sort_by_difficulty(auroc, easy_first=kind == BY_DIFFICULTY[0]))
    reporter.line(f"order {order.name}, from {origin}: {', '.join(order.categories)}")
    return order


def _published(text: str, manifest: Manifest) -> tuple[Mapping[str, float], str]:
    auroc, source = published_difficulty(manifest.name)
    lacking = [name for name in manifest.categories if name not in auroc]
    if lacking:
        raise UsageError(
            f"--order {text}: there are no published values of {', '.join(lacking[:3])}; use "
            f"{text.partition(':')[0]}, which reads records"
        )
    return {name: auroc[name] for name in manifest.categories}, source


def _is_reference(record: Record, manifest: Manifest, features: FeatureSpec) -> bool:
    """Whether a record has the reference with its defaults on these images and features.

    Optional entries of a cell, such as drift, change the images or the stream.
    """
    cell = record.cell
    method = load_method(REFERENCE)
    names = manifest.categories
    facts = CellFacts(features.backbone, features.embedding, len(names), names, features.layers)
    expected = {
        "name": REFERENCE,
        "version": method.version,
        "params": resolve_params(REFERENCE, method, method.Params(), facts).as_dict(),
    }
    return (
        cell["method"] == expected
        and cell["manifest"] == manifest.hash
        and cell["features"] == features.as_dict()
        and cell["preprocessing"] == features.preprocessing.as_dict()
        and cell["routing"] == "oracle"
        and not cell.keys() - CellEntry.__required_keys__
    )


def _missing(text: str, manifest: Manifest, out: Path) -> str:
    published = published_difficulty(manifest.name)[0].keys() >= set(manifest.categories)
    return (
        f"--order {text}: {out} has no record of {REFERENCE} with the default parameters, oracle "
        "routing, these images and features; first run the same command with `--method "
        f"{REFERENCE} --order alphabetical`" + f", or use {text}:{_PUBLISHED}" * published
    )
