"""Writing the record of a finished cell: scores with labels, metrics, memory and events."""

from __future__ import annotations

import functools
import importlib.metadata
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...results.metrics.compute import compute_metrics
from ...results.metrics.operating_points import HeldOut
from ...results.metrics.registry import METRICS
from ...results.records.record import Record
from ...results.records.schema import EVENTS, RECORD_SCHEMA, cell_key, config_key
from ...results.records.store import partial_dir, record_dir, write_record
from ..features.feature_set import FeatureSet
from ..pixels.crop_notes import crop_notes
from ..streams.contamination import count_contaminated
from ..streams.stream import Stream
from ..system.serialization import pack_file
from .cell import Cell
from .devices import device_name
from .evaluation.evaluator import Maps
from .evaluation.progress import Progress

if TYPE_CHECKING:
    import pandas as pd

VERSIONED = (
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
    keep_state: bool = False,
    tuning: Mapping[str, Any] | None = None,
) -> Record:
    """Write the record of a finished cell.

    Args:
        progress: what the cell has produced.
        out: folder of all records.
        maps: which anomaly maps to keep.
        regions: `PixelMeter.regions`: defect regions of the columns that have pixel metrics.
        timing: timings, if they were measured.
        keep_state: whether to keep the state of the method.
        tuning: what was tried to choose the parameters of the cell; None if they were given.

    Returns:
        The record in its final folder.
    """
    import pandas as pd

    values = cell.as_dict()
    experiences = [list(experience.categories) for experience in stream.train_stream]
    scores, kept_maps = _scores(stream, features, progress, maps)
    pixels = {
        (t, column): metrics
        for t, row in enumerate(progress.pixels, start=1)
        for column, metrics in row.items()
    }
    events = _events(progress)
    grid, preprocessing = progress.map_grid, features.spec.preprocessing
    held_out = _held_out(stream, progress) if cell.holdout else None
    metrics = compute_metrics(
        *(scores, experiences, cell.routing, events, pixels), HeldOut.of_cell(held_out, values)
    )
    frames = {
        "scores": scores,
        "metrics": metrics,
        "memory": pd.DataFrame(progress.memory),
        "events": events,
        **({} if held_out is None else {"held_out": held_out}),
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
        "skipped": [
            {"path": skipped.path, "reason": skipped.reason} for skipped in stream.manifest.skipped
        ],
        "notes": [],
        "metrics": list(METRICS),
    }
    notes = (*stream.manifest.notes, *crop_notes(stream.manifest, preprocessing, regions))
    costs = [step.costs for step in progress.steps]
    optional: dict[str, Any] = {
        "data_notes": [note.as_dict() for note in notes],
        "contaminated": _contaminated(cell, features),
        "costs": costs if all(costs) else None,  # else an old release began the cell
        "timing": timing,
        "tuning": tuning and dict(tuning),
        "map_grid": list(grid) if grid and grid != features.grid else None,
    }
    # Omitted where they say nothing, as in records of earlier releases.
    run |= {name: value for name, value in optional.items() if value}
    final = record_dir(out, values)
    state = {"method": progress.method_state, "salt": progress.salt and progress.salt.hex()}
    write_state = functools.partial(pack_file, value=state) if keep_state else None
    return write_record(partial_dir(final), final, run, frames, kept_maps, write_state)


def _contaminated(cell: Cell, features: FeatureSet) -> dict[str, Any]:
    """The numbers of contaminated images of each column; empty without contamination."""
    if cell.contamination is None or features.as_published is None:
        return {}
    counts = count_contaminated(features.as_published, cell.contamination)
    names = ("moved", "train", "removed")
    return {c: {name: getattr(counts[c], name) for name in names} for c in counts}


def _events(progress: Progress) -> pd.DataFrame:
    """The events table; an event that names no category has an empty one."""
    import pandas as pd

    events = pd.DataFrame(progress.events or {name: [] for name in EVENTS})
    if "category" not in events:
        events.insert(2, "category", "")
    elif events["category"].isna().any():
        events["category"] = events["category"].fillna("")
    return events


def _scores(
    stream: Stream, features: FeatureSet, progress: Progress, keep: Maps
) -> tuple[pd.DataFrame, np.ndarray | None]:
    """The scores table, one row per test image and experience, and the maps to keep.

    An image that occurs twice in a test set was scored once and has two rows.
    """
    import pandas as pd

    labels = {category: _labels(stream, category) for category in stream.columns}
    rows_of = {}
    for category, of_images in labels.items():
        row_of = features.patches(category, "test").row_of
        rows_of[category] = [row_of[image] for image in of_images["image"]]
    parts = [(t, c, row[c]) for t, row in enumerate(progress.rows, start=1) for c in row]
    experiences = np.array([t for t, _, _ in parts], np.int16)
    table = pd.concat([labels[c] for _, c, _ in parts], ignore_index=True)
    table.insert(0, "experience", experiences.repeat([len(rows_of[c]) for _, c, _ in parts]))
    table["score"] = np.concatenate([scores.scores[rows_of[c]] for _, c, scores in parts])
    table["route"] = np.concatenate([scores.routes[rows_of[c]] for _, c, scores in parts])
    kept = {"none": [], "final": progress.maps[-1:], "all": progress.maps}[keep]
    maps = [of_columns[c][rows_of[c]] for of_columns in kept for c in of_columns]
    return table, np.concatenate(maps) if maps else None


def _held_out(stream: Stream, progress: Progress) -> pd.DataFrame:
    """The table of held-out scores, one row per held-out training image."""
    import pandas as pd

    parts = [
        pd.DataFrame(
            {
                "experience": step.experience,
                "category": column,
                "image": stream.held_out(column),
                "score": scores.scores,
                "route": scores.routes,
            }
        )
        for step in progress.steps
        for column, scores in step.held_out.items()
    ]
    return pd.concat(parts, ignore_index=True)


def _labels(stream: Stream, category: str) -> pd.DataFrame:
    """The columns of the scores table that are the same after every experience."""
    import pandas as pd

    items = stream.manifest.test(category)
    return pd.DataFrame(
        {
            "category": np.full(len(items), category, object),
            "image": np.array([item.content for item in items], object),
            "label": np.array([item.label for item in items], np.int8),
            "defect": np.array([item.defect for item in items], object),
        }
    )


@functools.cache
def versions() -> dict[str, str]:
    """Versions of Python, of cadbench, and of the packages that affect the numbers."""
    installed = {"python": platform.python_version()}
    for name in VERSIONED:
        try:
            installed[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return installed


@functools.cache
def git_commit() -> str | None:
    """The commit of the checkout that is running, with `+` if files differ; None outside git."""
    here = Path(__file__).parent
    try:
        # A cadbench installed inside another repository is not tracked by it.
        _git("ls-files", "--error-unmatch", Path(__file__).name, here=here)
        commit = _git("rev-parse", "HEAD", here=here)
        return commit + ("+" if _git("status", "--porcelain", "-uno", here=here) else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(*arguments: str, here: Path) -> str:
    done = subprocess.run(
        ["git", "-C", str(here), *arguments], capture_output=True, text=True, timeout=10, check=True
    )
    return done.stdout.strip()
