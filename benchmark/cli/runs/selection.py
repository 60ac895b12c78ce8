"""Select runs by method, protocol, key or row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from ....results.did_you_mean import suggestion
from ....results.errors import UsageError
from ....results.records.inventory import StoredRun, list_runs
from ...finished.selection import protocol_id, with_value
from ..shared.record_selection import protocol_option

__all__ = ["find_runs", "methods_option", "protocol_option", "select_runs"]

methods_option: Callable[..., Any] = click.option(
    "--method", "methods", multiple=True, metavar="NAME", help="Only this method (repeatable)."
)


def select_runs(out: Path, methods: Sequence[str], protocol: str | None) -> list[StoredRun]:
    """The runs under `out` that have one of the methods and the protocol.

    Args:
        out: folder of the records.
        methods: names of methods; empty for all.
        protocol: a protocol's id or a built-in protocol's name; None for all.

    Raises:
        UsageError: no run is left.
    """
    runs = list_runs(out)
    if not runs:
        raise UsageError(
            f"no runs in {out}; create some with `cadbench run`, or choose the folder with --out"
        )
    if protocol is not None:
        wanted = protocol_id(protocol, {run.protocol for run in runs})
        runs = with_value(runs, [wanted], lambda run: run.protocol, "--protocol", "run")
    return with_value(runs, methods, lambda run: run.method, "--method", "run") if methods else runs


def find_runs(refs: Sequence[str], runs: Sequence[StoredRun]) -> list[StoredRun]:
    """The runs that the references mean, each once.

    Args:
        refs: each a row such as `mecad:experts=2`, the beginning of a key, a method, a part of a
            record's path, or `all`.
        runs: the runs to choose from.

    Raises:
        UsageError: a reference means no run, or the settings of a row several rows.
    """
    found: dict[Path, StoredRun] = {}
    for ref in refs:
        matching = [run for run in runs if ref == "all" or run.matches(ref)]
        if not matching and ":" in ref:
            matching = _runs_of_row(ref, runs)
        if not matching:
            methods = sorted({run.method for run in runs if run.method})
            raise UsageError(
                f"{ref!r} matches no run{suggestion(ref, methods)}; `cadbench runs ls` lists keys "
                "and parameters"
            )
        found |= {run.path: run for run in matching}
    return list(found.values())


def _runs_of_row(ref: str, runs: Sequence[StoredRun]) -> list[StoredRun]:
    from ....results.analysis.rows import rows_of
    from ...finished.row_names import find_rows

    (row,) = find_rows([ref], rows_of(run.record for run in runs if run.record is not None))
    keys = {record.key for record in row.records}
    return [run for run in runs if run.key in keys]
