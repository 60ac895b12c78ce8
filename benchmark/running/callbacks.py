"""Callbacks: Python code that follows a run, for example to log curves or to stop early."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...results.errors import UsageError
from ...results.metrics.image.auroc import auroc

if TYPE_CHECKING:
    from ...results.records.record import Record
    from ..features.feature_set import FeatureSet
    from ..streams.stream import Stream
    from .cell import Cell
    from .evaluation.progress import Step


@dataclass(frozen=True)
class ExperienceResult:
    """What a method did in one experience.

    Attributes:
        index: number of the experience, from 1.
        experiences: number of experiences of the stream.
        categories: the categories that it introduced.
        auroc: category -> AUROC of its test images, for the categories that were scored.
        events: what the method recorded: one mapping per event, with its `kind`.
        observe_seconds: duration of learning.
        score_seconds: duration of scoring.
    """

    index: int
    experiences: int
    categories: tuple[str, ...]
    auroc: Mapping[str, float]
    events: Sequence[Mapping[str, Any]]
    observe_seconds: float
    score_seconds: float


class Callback:
    """Follows the cells of a run. Override the methods that you need.

        class Stop(cadbench.Callback):
            def experience_finished(self, cell, result):
                if min(result.auroc.values()) < 0.4:
                    raise KeyboardInterrupt

        study.run(callbacks=[Stop()])

    Cells that are reused only get `cell_finished`.
    """

    def cell_started(self, cell: Cell) -> None:
        """A cell starts, or continues after an interruption."""

    def experience_finished(self, cell: Cell, result: ExperienceResult) -> None:
        """A method has learned an experience, and the test images were scored."""

    def cell_finished(self, cell: Cell, record: Record, reused: bool) -> None:
        """The record of a cell is complete; `reused`: it existed before this run."""


class TensorBoard(Callback):
    """Writes AUROC per category, numbers in events, and durations to TensorBoard.

    Each cell is a run below `folder`; steps are experiences. Numbers that a method records with
    `context.record` are curves named `KIND/NAME`; a value named `epoch` or `step` is their step.

    Args:
        folder: folder of the logs, for `tensorboard --logdir FOLDER`.

    Raises:
        UsageError: TensorBoard is not installed.
    """

    def __init__(self, folder: str | Path = "tensorboard") -> None:
        if find_spec("tensorboard") is None:
            raise UsageError("TensorBoard is not installed: pip install 'cadbench[tensorboard]'")
        self.folder = Path(folder).expanduser()

    def experience_finished(self, cell: Cell, result: ExperienceResult) -> None:
        from torch.utils.tensorboard import SummaryWriter

        name = f"{cell.method.replace(':', '-')}-{cell.key[:8]}"
        with SummaryWriter(str(self.folder / name)) as writer:
            step = result.index
            for category, value in result.auroc.items():
                writer.add_scalar(f"auroc/{category}", value, step)
            writer.add_scalar("seconds/observe", result.observe_seconds, step)
            writer.add_scalar("seconds/score", result.score_seconds, step)
            for event in result.events:
                at = next((event[n] for n in ("step", "epoch") if _is_number(event.get(n))), step)
                for key, value in event.items():
                    if key not in ("kind", "experience", "step", "epoch") and _is_number(value):
                        curve = f"{event['kind']}/{key}/experience {step}"
                        writer.add_scalar(curve, value, int(at))


def check_callbacks(callbacks: Iterable[Any]) -> None:
    """Raise `UsageError` if one of the callbacks is not a `Callback` object."""
    for each in callbacks:
        if not isinstance(each, Callback):
            hint = ": create it, with parentheses" if isinstance(each, type) else ""
            raise UsageError(f"callbacks: expected cadbench.Callback objects, got {each!r}{hint}")


def result_of(step: Step, stream: Stream, features: FeatureSet) -> ExperienceResult:
    """Describe the last finished experience of a cell.

    Args:
        step: what the experience added.
        features: features of its images, which give the order of the scores.
    """
    values = {}
    for column, scores in step.scores.items():
        items = stream.manifest.test(column)
        row_of = features.patches(column, "test").row_of
        rows = [row_of[item.content] for item in items]
        values[column] = auroc(scores.scores[rows], [item.label for item in items])
    experience = stream.train_stream[step.experience - 1]
    return ExperienceResult(
        index=step.experience,
        experiences=len(stream.train_stream),
        categories=tuple(experience.categories),
        auroc=values,
        events=tuple(step.events),
        observe_seconds=step.observe_seconds,
        score_seconds=step.score_seconds,
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value
