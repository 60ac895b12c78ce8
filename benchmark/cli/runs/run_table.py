"""Tables of runs, one per protocol."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ....results.analysis.rows import (
    Row,
    backbone_labels,
    method_labels,
    parameter_labels,
    params_sort_key,
    plain,
)
from ....results.counts import format_count
from ....results.records.inventory import StoredRun, is_running
from ....results.rendering.table import Column, Table, Value, text_column
from ...plugins.default_params import default_params
from ..shared.units import format_age, format_size

_KEY_DIGITS = 8


def run_tables(runs: Sequence[StoredRun]) -> list[Table]:
    """One table per protocol, with the parameters that differ from the defaults.

    A column with the backbone is added if there are several, and one with the state unless all
    runs are finished.
    """
    labels = _labels(runs)
    protocols = sorted({run.protocol for run in runs})
    return [_table(name, [r for r in runs if r.protocol == name], labels) for name in protocols]


def sorted_runs(runs: Sequence[StoredRun], by: str) -> list[StoredRun]:
    """The runs by `name` (method, parameters, order, seed), `age` (oldest first) or `size`."""
    if by == "age":
        return sorted(runs, key=lambda run: run.modified)
    if by == "size":
        return sorted(runs, key=lambda run: run.size)
    return sorted(runs, key=_name_key)


def run_as_json(run: StoredRun) -> dict[str, Any]:
    """A run as JSON values."""
    return {
        "key": run.key or None,
        "protocol": run.protocol,
        "method": run.method,
        "params": run.record.params if run.record else None,
        "order": run.order,
        "seed": int(run.seed) if run.seed.isdecimal() else None,
        "state": _state(run, words=False),
        "experiences": run.experiences,
        "bytes": run.size,
        "maps_bytes": run.maps,
        "state_bytes": run.kept_state,
        "modified": datetime.fromtimestamp(run.modified, UTC).isoformat(timespec="seconds"),
        "path": run.place.as_posix(),
        "problem": run.problem or None,
    }


def amount(runs: Sequence[StoredRun], noun: str = "run") -> str:
    """Such as `3 runs (1.2 MB)`."""
    return f"{format_count(len(runs), noun)} ({format_size(sum(run.size for run in runs))})"


def run_label(run: StoredRun) -> str:
    """Such as `mecad, order alphabetical, seed 0 (0a1b2c3d)`."""
    if run.state == "leftover":
        return run.path.name
    key = f" ({run.key[:_KEY_DIGITS]})" if run.key else ""
    return f"{run.method}, order {run.order}, seed {run.seed}{key}"


@dataclass(frozen=True)
class _Label:
    """What distinguishes a run from others of its protocol, as texts."""

    method: str
    parameters: str = "?"
    backbone: str = "?"


def _table(protocol: str, runs: Sequence[StoredRun], labels: Mapping[Path, _Label]) -> Table:
    label = {run.path: labels.get(run.path, _Label(run.method)) for run in runs}
    now = time.time()
    columns: dict[Column, list[Value]] = {
        text_column("key"): [run.key[:_KEY_DIGITS] or "?" for run in runs],
        text_column("method"): [label[run.path].method for run in runs],
        text_column("parameters"): [label[run.path].parameters for run in runs],
        text_column("backbone"): [label[run.path].backbone for run in runs],
        text_column("order"): [run.order for run in runs],
        Column("seed"): [run.seed for run in runs],
        # Without the space, at which a narrow terminal would break the line.
        Column("size", hide=2): [format_size(run.size).replace(" ", "") for run in runs],
        Column("age", hide=1): [format_age(now - run.modified) for run in runs],
        text_column("state"): [_state(run) for run in runs],
    }
    if len({one.backbone for one in labels.values()}) < 2:
        del columns[text_column("backbone")]
    if all(run.state == "finished" for run in runs):
        del columns[text_column("state")]
    notes = tuple(f"{run.path}: {run.problem}" for run in runs if run.problem)
    title = f"{protocol or 'other folders'}: {amount(runs)}"
    return Table(title, tuple(columns), tuple(zip(*columns.values(), strict=True)), notes)


def _state(run: StoredRun, *, words: bool = True) -> str:
    if run.state != "unfinished":
        return run.state
    state = "running" if is_running(run) else "unfinished"
    if not words or not run.experiences:
        return state
    return f"{state}, {format_count(run.experiences, 'experience')} done"


def _labels(runs: Sequence[StoredRun]) -> dict[Path, _Label]:
    """The labels, by path, of the runs whose cell is known."""
    known = [run for run in runs if run.record is not None]
    rows = [Row((run.record,)) for run in known if run.record is not None]
    defaults = default_params(row.first for row in rows)
    # Of a method that is not installed, and has no known defaults, the parameters that vary.
    varying = parameter_labels(rows)
    parameters = [
        _changed(row.first.params, defaults[row.first.method])
        if row.first.method in defaults
        else label
        for row, label in zip(rows, varying, strict=True)
    ]
    labels = zip(method_labels(rows), parameters, backbone_labels(rows), strict=True)
    return {run.path: _Label(*texts) for run, texts in zip(known, labels, strict=True)}


def _changed(params: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """Such as `experts=2, replay=full`."""
    return ", ".join(
        f"{name}={plain(value)}"
        for name, value in params.items()
        if name not in defaults or defaults[name] != value
    )


def _name_key(run: StoredRun) -> tuple[Any, ...]:
    values = params_sort_key(run.record.params if run.record else {})
    return run.protocol, run.method, values, run.order, len(run.seed), run.seed, run.path
