"""`audit`: compute a random part of a record again and compare; the record is not changed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ...results.errors import CadbenchError, RecordError, UsageError
from ...results.python_names import python_names
from ...results.records.record import RUN_FILE, Record, load_record
from ...results.rendering.table import Column, Table, text_column
from ..system.reporting import Reporter, Silent
from .check import Check, describe_sizes, skip

if TYPE_CHECKING:
    import torch

    from .recomputation import Sample

SHARE = 0.1
TOLERANCE = 0.01


@dataclass(frozen=True)
class Audit:
    """The result of an audit.

    Attributes:
        record: what was audited: the record's key, or its folder if it cannot be loaded.
        checks: what was compared.
        notes: what a reader of the table needs to know.
    """

    record: str
    checks: tuple[Check, ...]
    notes: tuple[str, ...] = ()

    @property
    def agreed(self) -> bool | None:
        """Whether everything agrees; None if nothing differs, but the scores were not audited."""
        if any(check.result == "differs" for check in self.checks):
            return False
        return True if any(c.name == "scores" and not c.skipped for c in self.checks) else None

    @property
    def verdict(self) -> str:
        """One line: agreed, disagreed, or not audited, and why."""
        differing = [check for check in self.checks if check.result == "differs"]
        if differing:
            return f"disagreed: {', '.join(check.summary for check in differing)}"
        if self.agreed:
            return f"agreed: {describe_sizes(self.checks)}"
        reason = next((check.skipped for check in self.checks if check.name == "scores"), "")
        return f"not audited: {reason}; what needs no data agrees: {describe_sizes(self.checks)}"

    @property
    def table(self) -> Table:
        """One row per check."""
        columns = (
            text_column("check"),
            Column("compared", 0),
            Column("differ", 0),
            Column("largest difference", 6),
            text_column("result"),
        )
        rows = tuple(
            (
                check.name,
                None if check.skipped else check.compared,
                None if check.skipped else len(check.differences),
                check.largest,
                check.result,
            )
            for check in self.checks
        )
        notes = [note for note in (check.note for check in self.checks) if note]
        return Table(f"Audit of {self.record}", columns, rows, (*notes, *self.notes))

    def __str__(self) -> str:
        return f"{self.table}\n{self.verdict}"


@python_names()
def audit(
    record: Record | str | Path,
    *,
    share: float = SHARE,
    experiences: int | None = None,
    seed: int = 0,
    tolerance: float = TOLERANCE,
    data_root: str | Path | None = None,
    weights: str | Path | None = None,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    reporter: Reporter | None = None,
) -> Audit:
    """Compute a random part of a record again from the data, and compare.

    Every metric is computed again from the stored scores; images and labels are compared with the
    dataset. Then the method is trained again on all training images, as in the record, and scores a
    random share of the test images; scores, routes, maps, memory and assignments are compared. The
    record and its folder are not changed.

    Args:
        record: a record, or its folder. It may be another laboratory's.
        share: share of the test images of each category that are scored again, at least 4.
        experiences: train and score the first experiences only, for long streams [all].
        seed: seed of the random choice.
        tolerance: allowed difference of two scores, as a share of the range of the category's
            scores. On the machine of the record, scores differ by much less.
        data_root: folder of the dataset, as for `cadbench run`.
        weights: file with backbone weights, as for `cadbench run`.
        device: `cpu`, `cuda`, or `auto`: CUDA if it is available.
        reporter: receives progress and warnings; None to show nothing.

    Raises:
        UsageError: an argument does not fit.
        RecordError: there is no record.
    """
    _check_arguments(share, experiences, seed, tolerance)
    root = _existing(data_root, "data-root", Path.is_dir)
    file = _existing(weights, "weights", Path.is_file)
    if device == "cuda":
        from ..running.devices import choose_device

        choose_device(device)
    reporter = reporter or Silent()
    if not isinstance(record, Record):
        folder = Path(record).expanduser()
        folder = folder.parent if folder.name == RUN_FILE else folder
        if not (folder / RUN_FILE).is_file():
            raise RecordError(f"no record at {folder}: it has no {RUN_FILE}")
        try:
            record = load_record(folder)
        except RecordError as error:
            problem = str(error).replace(f"{folder}/", "")
            rest = [skip(name, "the record is altered") for name in ("metrics", "scores")]
            return Audit(str(folder), (Check("files", 0, (problem,)), *rest))
    if experiences is not None and experiences > len(record.experiences):
        raise UsageError(
            f"--experiences: the record has {len(record.experiences)}, not {experiences}"
        )
    from .stored_checks import check_files, check_metrics

    checks = [check_files(record)]
    name = f"{record.method} {record.key[:8]}, order {record.order}, seed {record.seed}, "
    name += record.protocol
    if checks[0].differences:
        rest = [skip(each, "a file is altered") for each in ("metrics", "scores")]
        return Audit(name, (*checks, *rest))
    checks.append(check_metrics(record))
    count = len(record.experiences) if experiences is None else experiences
    found, notes = _check_with_data(
        record,
        (share, count, seed),
        tolerance,
        root,
        file,
        device,
        reporter,
    )
    return Audit(name, (*checks, *found), tuple(notes))


def _check_with_data(
    record: Record,
    part: tuple[float, int, int],
    tolerance: float,
    data_root: Path | None,
    weights_file: Path | None,
    device: str,
    reporter: Reporter,
) -> tuple[list[Check], list[str]]:
    """The checks that need the dataset, or why they are skipped, and notes."""
    from ..running.shared_inputs import stream_images
    from ..scoring.restored_method import weights_of
    from ..system.cache import cache_root
    from ..system.library_caches import set_numba_cache
    from ..system.torch_import import import_torch
    from .data_checks import check_images, check_pixels
    from .inputs import open_data, restore_cell
    from .recomputation import Sample, SampledInputs, recompute
    from .recomputed_checks import (
        check_assignments,
        check_held_out,
        check_maps,
        check_memory,
        check_scores,
    )

    set_numba_cache()
    sample = Sample(*part)
    try:
        cell = restore_cell(record)
        manifest = open_data(record, cell, data_root, reporter)
    except CadbenchError as error:
        return [skip(name, error) for name in ("images and labels", "scores")], []
    import_torch()
    images = stream_images(manifest, cell.domains, cell.contamination)
    checks = [check_images(record, cell.stream(images), cell)]
    if record.run["pixels"]:
        columns = sample.columns(record.run["pixels"])
        checks.append(check_pixels(record, cell, images, columns, cache_root(), reporter))
    try:
        found = weights_of(cell, weights_file)
        inputs = SampledInputs(
            *(manifest, cache_root(), device, found, reporter),
            sample=sample,
            contamination=cell.contamination,
        )
        progress, features = recompute(cell, inputs)
    except CadbenchError as error:
        return [*checks, skip("scores", error)], []
    checks += check_scores(record, progress, features, tolerance)
    if (held_out := check_held_out(record, progress, cell.stream(images), tolerance)) is not None:
        checks.append(held_out)
    if record.run["maps"] != "none":
        checks.append(check_maps(record, progress, features, tolerance))
    checks.append(check_memory(record, progress))
    if (assigned := check_assignments(record, progress)) is not None:
        checks.append(assigned)
    return checks, _notes(record, sample, tolerance, features.device)


def _notes(record: Record, sample: Sample, tolerance: float, device: torch.device) -> list[str]:
    """What the sample is, and how the machine of the record differs from this one."""
    from ..running.devices import device_name
    from ..running.recording import versions
    from .recomputation import FEWEST

    chance = 1 - (1 - sample.share) ** 30
    total = len(record.experiences)
    notes = [
        f"scores: {sample.share:.0%} of the test images of each category, at least {FEWEST}, with "
        f"seed {sample.seed}, after experiences 1 to {sample.experiences} of {total}; of 30 false "
        f"scores the sample has at least one with probability {chance:.2f}",
        f"two scores agree within {tolerance:g} of the range of the category's scores",
    ]
    if sample.experiences < total:
        notes.append(
            f"nothing was computed after experience {sample.experiences}: the final means are "
            "compared with the stored scores only"
        )
    here = {**versions(), "device": device_name(device)}
    there: Mapping[str, str] = {**record.run["versions"], "device": record.run["device"]}
    other = [
        f"{name} {there[name]} (here {here.get(name, 'missing')})"
        for name in there
        if there[name] != here.get(name)
    ]
    if other:
        notes.append(f"the record was computed with {', '.join(other)}: last digits may differ")
    return notes


def _existing(given: str | Path | None, option: str, exists: Callable[[Path], bool]) -> Path | None:
    """Return a path that a user gave; `UsageError` if nothing is there."""
    path = None if given is None else Path(given).expanduser()
    if path is not None and not exists(path):
        kind = "folder" if exists is Path.is_dir else "file"
        raise UsageError(f"--{option} {path}: there is no such {kind}")
    return path


def _check_arguments(share: float, experiences: int | None, seed: int, tolerance: float) -> None:
    if not 0 < share <= 1:
        raise UsageError(f"--share: expected a number above 0 and up to 1, got {share:g}")
    if experiences is not None and experiences < 1:
        raise UsageError(f"--experiences: expected a whole number from 1, got {experiences}")
    if seed < 0:
        raise UsageError(f"--seed: expected a whole number from 0, got {seed}")
    if not (math.isfinite(tolerance) and tolerance >= 0):
        raise UsageError(f"--tolerance: expected a number from 0, got {tolerance:g}")
