"""What a run record holds, file by file, and how its key is made.

    run.json          what was run and with what (`Run` below)
    scores.parquet    one row per scored image and experience
    metrics.parquet   every metric, recomputable from the scores
    memory.parquet    what the method kept, after each experience
    events.parquet    what it decided: assignments with all similarities
    held_out.parquet  optional (`--holdout`): one row per held-out training image, scored after the
                      experience that introduces its category
    maps.npy          optional: float16 (N, h, w) patch maps, in the order of the rows of
                      scores.parquet: those of the final experience, or all (`maps` of run.json)
    state.safetensors optional (`--keep-state`): the method's state after the last experience, as
                      tensors and JSON; see benchmark/system/serialization.py

No file holds an absolute path, a host name or a user name.

What raises RECORD_SCHEMA: a change after which an older release misreads a new record, or this one
an old record. That is: a column or a required entry added, removed, renamed or given another type
or meaning; a metric removed, or its definition changed under the same name; a cell whose key no
longer means the same work. What does not: a new metric, a new optional entry of run.json, a new
optional entry of a cell that is left out where it has its default. docs/records.md says more.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal, TypedDict

from ..errors import CadbenchError

RECORD_SCHEMA = 2

Cell = Mapping[str, Any]
"""The unit of work as plain JSON values, with the entries of `CellEntry`."""


class OrderEntry(TypedDict):
    """The order of the categories."""

    name: str  # `alphabetical`, `random:3`
    categories: list[str]


class _OptionalPreprocessingEntries(TypedDict, total=False):
    mode: Literal["pad", "squash"]  # what is done instead of cutting out the middle


class PreprocessingEntry(_OptionalPreprocessingEntries):
    """Pixels of the shorter side, and of the square that is cut out of the middle."""

    resize: int
    crop: int


class MapsEntry(TypedDict):
    """How patch maps become maps of the image's size."""

    upsampling: str
    sigma: float


class FeaturesEntry(TypedDict):
    """What identifies the features, besides the preprocessing."""

    backbone: str
    weights: str
    layers: list[int | str]  # strides, blocks such as `block:5`, or timm's names of layers
    embedding: str
    embedding_params: dict[str, int]
    dtype: str
    extraction: int


class MethodEntry(TypedDict):
    """The method, with every parameter, defaults resolved."""

    name: str
    version: str
    params: dict[str, Any]


class DomainEntry(TypedDict):
    """A domain under which every category returns; also holds its strength and version."""

    name: str  # `dark:2`


class TunedEntry(TypedDict):
    """How parameters were chosen on held-out training images with drawn defects."""

    params: dict[str, list[Any]]  # name -> the values that it was chosen from
    on: str  # protocol of these images
    manifest: str  # SHA-256 of these images
    drawing: int  # version of the drawn defects


class _OptionalCellEntries(TypedDict, total=False):
    drift: list[DomainEntry]  # `experiences` then names columns, `screw` and `screw@dark:2`
    blend: float  # share of a column's training images that appear an experience early or late
    holdout: float  # share of a column's training images that the method does not learn from
    threshold_quantile: float  # of held-out scores; THRESHOLD_QUANTILE where it is left out
    contaminate: float  # share of defective images among a category's training images
    tuned: TunedEntry  # its parameters have the chosen values


class CellEntry(_OptionalCellEntries):
    """The unit of work: everything that its key is made of."""

    schema: int  # RECORD_SCHEMA
    protocol: str  # versioned id: generated, `synthetic-1x15-224-oracle@1`, or a file's own
    dataset: str
    manifest: str  # SHA-256 of the decoded images, splits and labels
    order: OrderEntry
    schedule: str  # resolved, `1x15`
    preprocessing: PreprocessingEntry
    maps: MapsEntry
    routing: Literal["oracle", "inferred"]
    unseen: Literal["next", "all", "none"]  # which cells above the diagonal are scored
    features: FeaturesEntry
    method: MethodEntry
    seed: int


STREAM_OPTIONS = tuple(name for name in _OptionalCellEntries.__annotations__ if name != "tuned")
"""Entries of a cell that change its stream and that plain streams leave out."""


class FeatureSize(TypedDict):
    """The size of a patch map (h, w) and of an embedding."""

    grid: list[int]
    dim: int


class SecondsEntry(TypedDict):
    """Seconds of the run; also holds `observe` and `score`."""

    total: float
    label: str  # "with shared caches"


class PixelsEntry(TypedDict):
    """Pixel metrics of a category with masks; also holds `regions`, `lost`, `hidden`."""

    share: float  # share of the pixels that are defective


class SkippedEntry(TypedDict):
    """An image that --skip-unreadable left out."""

    path: str
    reason: str


class DataNoteEntry(TypedDict):
    """Something odd about the files of a category, counted; `text` says it in a sentence."""

    category: str  # empty: of no single category
    kind: str
    count: int  # 0: not about single files
    of: int  # 0: not known
    text: str


class CostEntry(TypedDict):
    """What it cost to learn an experience. Memory and energy depend on the machine; None: unknown.

    `seconds` and `joules` are with shared caches: a selection that another cell has made is free.
    """

    seconds: float
    process_bytes: int | None  # peak memory of the process, memory-mapped features included
    gpu_bytes: int | None  # peak memory on the GPU
    joules: float | None  # of all processors and the GPU
    parameters_trained: int  # at a time
    parameters_stored: int
    network_bytes: int
    other_bytes: int  # what is stored besides networks: vectors, images, importances


class _OptionalTimingEntries(TypedDict, total=False):
    update_joules: list[float]  # energy of each update, where the machine tells it


class TimingEntry(_OptionalTimingEntries):
    """What `--time` measured; also holds `images` and `repeats`."""

    update_seconds: list[float]
    ms_per_image: float


class TriedEntry(TypedDict):
    """One combination of values that parameters were chosen from."""

    params: dict[str, Any]
    auroc: float  # mean over categories, orders and seeds
    seconds: float


class TuningEntry(TypedDict):
    """What was tried to choose parameters; also holds `images`."""

    on: str
    tried: list[TriedEntry]
    chosen: dict[str, Any]
    seconds: float


class ContaminatedEntry(TypedDict):
    """Images of a category that contamination changed."""

    moved: int  # from the test set to the training set
    train: int  # training images, the moved ones included
    removed: int  # from the test set: those that were moved, and those that larger shares move


class _OptionalRunEntries(TypedDict, total=False):
    metrics: list[str]  # names of all metrics of the release that wrote it (see `metrics_of`)
    timing: TimingEntry
    costs: list[CostEntry]  # one per experience
    map_grid: list[int]  # (h, w) of the anomaly maps, where it is not that of `features`
    data_notes: list[DataNoteEntry]  # what is odd about the data, and what preprocessing cuts off
    contaminated: dict[str, ContaminatedEntry]  # by category, with `contaminate` only
    tuning: TuningEntry  # of a cell with `tuned`
    seal: str  # SHA-256 of all other entries (`seal_of`); older records have none


class Run(_OptionalRunEntries):
    """run.json. The import of a stranger's record checks it against these types."""

    schema: int
    key: str  # SHA-256 of the cell's canonical JSON, 64 hex digits
    config_key: str  # the same without the seed: names the folder that holds the seeds
    cell: CellEntry
    protocol: str
    experiences: list[list[str]]  # categories that each experience introduces, in order
    features: FeatureSize
    versions: dict[str, str]  # python, cadbench and the packages that numbers depend on
    git_commit: str | None
    device: str
    seconds: SecondsEntry
    maps: Literal["final", "all", "none"]  # which patch maps were kept
    pixels: dict[str, PixelsEntry]
    skipped: list[SkippedEntry]
    notes: list[str]
    checksums: dict[str, str]  # file name -> SHA-256; filled in when the record is written


# Column -> Arrow type. Columns hold no nulls unless said so.

SCORES: Mapping[str, str] = {
    "experience": "int16",  # from 1: scored after this experience
    "category": "string",
    "image": "string",  # opaque content hash
    "label": "int8",  # 1 = defective
    "defect": "string",  # kind of defect, `good` for good images
    "score": "float32",  # higher = more anomalous
    "route": "int16",  # the expert that scored it; -1 = the method does not route
}

METRICS: Mapping[str, str] = {
    "metric": "string",
    "t": "int16",  # null: of the entire run
    "category": "string",  # null: over categories
    "value": "float64",  # NaN: undefined
    "n": "int32",  # categories that entered; for one category's own value, its images
}

UTILIZATION = "utilisation"
"""The column of memory.parquet; its spelling is part of the record schema since schema 1."""

MEMORY: Mapping[str, str] = {
    "experience": "int16",
    "expert": "int16",  # -1 = the entire method
    "categories": "string",  # joined by ','
    "scoring_vectors": "int64",  # vectors that scores are computed with
    "stored_vectors": "int64",  # scoring plus buffer, shared ones once
    "scoring_bytes": "int64",
    "stored_bytes": "int64",
    UTILIZATION: "float64",  # share of the budget in use; NaN where there is none
}

# Any further column of plain values may follow; those that an assignment needs are named here. An
# assignment has one row per candidate expert (kind `assignment`), and `chosen` is true in exactly
# one row per category. Where there are assignments, kind `similarity` holds the cosine of the mean
# features of each new category and each earlier one, `other`.
EVENTS: Mapping[str, str] = {"experience": "int16", "kind": "string", "category": "string"}
ASSIGNMENT: Mapping[str, str] = {
    "expert": "int16",
    "similarity": "float64",  # NaN for an expert that owns nothing yet
    "chosen": "bool",
    "reason": "string",
    "threshold": "float64",
}

ASSIGNED = "assignment"
PART_ASSIGNED = "assignment of a part"
"""Kind of events: images that a blended stream shows an experience early or late."""
SIMILARITY = "similarity"
WRONG_NEIGHBORS = "wrong neighbors"
"""Kind of events: per column, the `rate` of test patches of its `images` that are nearer to a
stored vector of another category than to all of their own, after the last experience."""

SWITCH = "switch"
"""Kind of events: a method that finds boundaries has read `image` images of the experience and goes
on with another expert."""
SEGMENT = "segment"
"""Kind of events, of such a method only: the next `images` training images of an experience, in the
order in which the method gets them, are of one column."""

METRICS_OF_0_1 = (
    "auroc", "ap", "f1_max", "pixel_auroc", "pixel_ap", "pixel_f1_max", "aupro", "acc",
    "acc_incremental", "acc_learned", "bwt", "bwt_all", "fm", "fm_clamped", "worst_drop", "fwt",
    "expert_forgetting", "expert_worst_drop", "gap_to_joint", "pooled_auroc", "routing_accuracy",
)  # fmt: skip
"""The metrics of cadbench 0.1.0, whose records do not list them."""

HELD_OUT: Mapping[str, str] = {
    "experience": "int16",  # that introduces the category, after which the image was scored
    "category": "string",
    "image": "string",
    "score": "float32",
    "route": "int16",
}

THRESHOLD_QUANTILE = 0.99
"""The default quantile of alarm thresholds; cells of another one have `threshold_quantile`."""

TABLES: Mapping[str, Mapping[str, str]] = {
    "scores": SCORES,
    "metrics": METRICS,
    "memory": MEMORY,
    "events": EVENTS,
}
"""The tables of every record."""

OPTIONAL_TABLES: Mapping[str, Mapping[str, str]] = {"held_out": HELD_OUT}
"""Tables that some records have."""

ALL_TABLES: Mapping[str, Mapping[str, str]] = {**TABLES, **OPTIONAL_TABLES}


def canonical_json(value: Any) -> bytes:
    """The one JSON text of plain values: sorted keys, no spaces, ASCII, shortest exact floats."""
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise CadbenchError(f"cannot make a key of this value ({error}): {value!r}") from error
    return text.encode("ascii")


def cell_key(cell: Cell) -> str:
    """SHA-256 (hex) of the cell: equal keys mean the same work."""
    return _digest(cell)


def config_key(cell: Cell) -> str:
    """The key of the cell without its seed: one configuration."""
    return _digest({name: value for name, value in cell.items() if name != "seed"})


def seal_of(run: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of the entries of run.json besides its seal."""
    return _digest({name: value for name, value in run.items() if name != "seal"})


def metrics_of(run: Mapping[str, Any]) -> frozenset[str]:
    """The names of the metrics that the release that wrote run.json had.

    A metric is never removed within one schema, so those of 0.1.0, which wrote no list, are always
    among them.
    """
    return frozenset({*METRICS_OF_0_1, *run.get("metrics", ())})


def domains_of(cell: Cell) -> list[str]:
    """The names of the domains under which every category returns: `dark:2`; none without drift."""
    names = [each["name"] for each in cell.get("drift", ())]
    if not all(isinstance(name, str) for name in names):
        raise ValueError("a domain's name is a text")
    return names


def columns_of(cell: Cell) -> dict[str, str]:
    """Column of R -> its category, in the order of the stream: `screw`, later `screw@dark:2`."""
    categories = list(cell["order"]["categories"])
    returns = {
        f"{category}@{name}": category for name in domains_of(cell) for category in categories
    }
    return {**dict(zip(categories, categories, strict=True)), **returns}


def features_key(cell: Cell) -> str:
    """The key of the cell's features."""
    return _digest(cell["features"])


def _digest(value: Any) -> str:
    return hashlib.sha256(canonical_json(value)).hexdigest()
