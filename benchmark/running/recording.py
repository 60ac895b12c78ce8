"""From a finished evaluation to a record: scores beside their labels, metrics, memory, events."""

from __future__ import annotations

import functools
import importlib.metadata
import platform
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...results.metrics.compute import compute_metrics
from ...results.metrics.registry import METRICS
from ...results.records.record import Record
from ...results.records.schema import EVENTS, RECORD_SCHEMA, cell_key, config_key
from ...results.records.store import partial_dir, record_dir, write_record
from ..features.feature_set import FeatureSet
from ..streams.stream import Stream
from .cell import Cell
from .evaluator import Maps
from .progress import Progress

if TYPE_CHECKING:
    import pandas as pd
    import torch

_VERSIONED = (
    "cadbench",
    "torch",
    "torchvision",
    "timm",
    "numpy",
    "pillow",
    "faiss-gpu",
    "faiss-cpu",
)


def record(
    cell: Cell,
    stream: Stream,
    features: FeatureSet,
    progress: Progress,
    out: Path,
    maps: Maps,
    regions: dict[str, dict[str, float]],
    timing: dict[str, Any] | None = None,
) -> Record:
    """Write the record of a cell whose stream has been run to its end.

    regions: what `PixelMeter.regions` says of the categories that have pixel metrics.
    """
    import pandas as pd

    values = cell.as_dict()
    experiences = [list(experience.categories) for experience in stream.train_stream]
    scores, kept_maps = _scores(stream, features, progress, maps)
    pixels = {
        (t, category): measured
        for t, row in enumerate(progress.pixels, start=1)
        for category, measured in row.items()
    }
    events = pd.DataFrame(progress.events or {name: [] for name in EVENTS})
    frames = {
        "scores": scores,
        "metrics": compute_metrics(scores, experiences, cell.routing, events, pixels),
        "memory": pd.DataFrame(progress.memory),
        "events": events,
    }
    run: dict[str, Any] = {
        "schema": RECORD_SCHEMA,
        "key": cell_key(values),
        "config_key": config_key(values),
        "cell": values,
        "protocol": cell.protocol,
        "experiences": experiences,
        "features": {"grid": list(features.grid), "dim": features.shape[1]},
        "versions": versions(),
        "git_commit": git_commit(),
        "device": device_name(features.device),
        "maps": maps,
        "seconds": {
            "total": progress.observe_seconds + progress.score_seconds,
            "observe": progress.observe_seconds,
            "score": progress.score_seconds,
            "label": "with shared caches",
        },
        "pixels": regions,
        "skipped": [vars(skipped) for skipped in stream.manifest.skipped],
        "notes": [],
        "metrics": list(METRICS),
        **({"timing": timing} if timing else {}),
    }
    final = record_dir(out, values)
    return write_record(partial_dir(final), final, run, frames, kept_maps)


def _scores(
    stream: Stream, features: FeatureSet, progress: Progress, wanted: Maps
) -> tuple[pd.DataFrame, np.ndarray | None]:
    """The scores table, a row a test image and experience, and the maps of the last rows.

    An image that occurs twice in a category's test set was scored once and appears twice here.
    """
    import pandas as pd

    columns: dict[str, list[np.ndarray]] = {}
    maps = []
    fixed = {category: _fixed_columns(stream, category) for category in stream.columns}
    rows_of = {}
    for category, held in fixed.items():
        row_of = features.patches(category, "test").row_of
        rows_of[category] = [row_of[image] for image in held["image"]]
    scored_rows, held_maps = progress.rows, progress.maps
    for index, (row, held) in enumerate(zip(scored_rows, held_maps, strict=True), start=1):
        kept = held if wanted == "all" or (wanted == "final" and index == len(scored_rows)) else {}
        for category, scored in row.items():
            rows = rows_of[category]
            found = {
                "experience": np.full(len(rows), index, np.int16),
                **fixed[category],
                "score": scored.scores[rows],
                "route": scored.routes[rows],
            }
            for name, values in found.items():
                columns.setdefault(name, []).append(values)
            if category in kept:
                maps.append(kept[category][rows])
    table = {name: np.concatenate(parts) for name, parts in columns.items()}
    return pd.DataFrame(table), np.concatenate(maps) if maps else None


def _fixed_columns(stream: Stream, category: str) -> dict[str, np.ndarray]:
    """What the scores table says of a category's test images after every experience."""
    items = stream.manifest.test(category)
    return {
        "category": np.full(len(items), category, object),
        "image": np.array([item.content for item in items], object),
        "label": np.array([item.label for item in items], np.int8),
        "defect": np.array([item.defect for item in items], object),
    }


@functools.cache
def versions() -> dict[str, str]:
    """Versions of Python, of cadbench and of the packages that numbers depend on."""
    found = {"python": platform.python_version()}
    for name in _VERSIONED:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


@functools.cache
def git_commit() -> str | None:
    """The commit of the checkout that is running, with `+` if it was changed; None outside git."""
    here = Path(__file__).parent
    try:
        # Installed below somebody else's checkout, this file is not part of it.
        _git("ls-files", "--error-unmatch", Path(__file__).name, here=here)
        commit = _git("rev-parse", "HEAD", here=here)
        return commit + ("+" if _git("status", "--porcelain", "-uno", here=here) else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(*words: str, here: Path) -> str:
    done = subprocess.run(
        ["git", "-C", str(here), *words], capture_output=True, text=True, timeout=10, check=True
    )
    return done.stdout.strip()


def device_name(device: torch.device) -> str:
    """`cpu`, or `cuda` with the card's name."""
    if device.type != "cuda":
        return device.type
    import torch

    return f"cuda ({torch.cuda.get_device_name(device)})"
