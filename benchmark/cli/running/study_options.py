"""The options of `cadbench run` that make a study, and those that say how it is computed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ....results.errors import UsageError
from ..shared.options import is_given

if TYPE_CHECKING:
    from ...study.execution import Execution
    from ...study.study import Study

STUDY_OPTIONS = {
    "methods": "--method", "experts": "--experts", "settings": "--set", "protocol": "--protocol",
    "seeds": "--seeds", "orders": "--order", "schedule": "--schedule", "drift": "--drift",
    "blend": "--blend", "holdout": "--holdout", "threshold_quantile": "--threshold-quantile",
    "contaminate": "--contaminate", "routing": "--routing", "unseen": "--unseen",
    "dataset": "--dataset", "data_root": "--data-root", "categories": "--categories",
    "skip_unreadable": "--skip-unreadable", "backbone": "--backbone", "weights": "--weights",
    "random_weights": "--random-weights", "layers": "--layers", "embedding": "--embedding",
    "image_size": "--image-size", "resize": "--resize", "map_sigma": "--map-sigma",
    "match_memory": "--match-memory", "tune": "--tune", "tune_on": "--tune-on",
}  # fmt: skip
"""Parameter of the command -> its option; all but `experts` and `settings` are fields of Study."""

_MACHINE = ("data_root", "weights")
"""Options that may be combined with a study file: they say where files are."""


def study_from_options(context: click.Context, given: Mapping[str, Any]) -> Study:
    """Make the study that the options of `cadbench run` describe.

    Args:
        context: the command's context, which knows which options the user gave.
        given: the parameters of the command.

    Raises:
        UsageError: a value is wrong; the message names the option.
    """
    from ...study.study import Study

    with option_names():
        values = {
            name: given[name]
            for name in STUDY_OPTIONS
            if name not in ("methods", "experts", "settings", "tune") and is_given(context, name)
        }
        return Study(methods=_methods(given), tune=_tune(given), **values)


def study_from_file(context: click.Context, given: Mapping[str, Any]) -> Study:
    """Read the study file of the command line.

    Raises:
        UsageError: the file is wrong, or an option would change the study.
    """
    from ...plugins.methods import method_names
    from ...study.study import Study

    file: Path = given["study_file"]
    if not file.is_file():
        name = file.name
        method = f"; write --method {name}" if name in method_names() else ""
        raise UsageError(f"there is no study file {file}{method}")
    for name, option in STUDY_OPTIONS.items():
        if is_given(context, name) and name not in _MACHINE:
            raise UsageError(
                f"{option} and a study file exclude each other: change the file, or copy it"
            )
    with option_names():
        changes = {name: given[name] for name in _MACHINE if is_given(context, name)}
        return Study.from_file(file, **changes)


def execution_from_options(given: Mapping[str, Any]) -> Execution:
    """Return how the options say that cells are computed; raise `UsageError` if they cannot."""
    from ...study.execution import Execution

    values = {field.name: given[field.name] for field in fields(Execution) if field.name in given}
    return Execution(**values)


@contextlib.contextmanager
def option_names() -> Iterator[None]:
    """Make an error about a field of a study name the option instead."""
    from ...study.values import StudyError

    try:
        yield
    except StudyError as error:
        option = STUDY_OPTIONS.get(error.field, error.field)
        raise UsageError(f"{option}: {error.text}") from error.__cause__


def _methods(given: Mapping[str, Any]) -> dict[str, dict[str, Any]] | None:
    """Method -> parameter -> values; None for the default methods with their defaults."""
    from .settings import parse_settings

    if not given["methods"] and not given["settings"] and given["experts"] is None:
        return None
    names = _method_names(given)
    sweep = parse_settings(names, given["settings"], given["experts"])
    return {name: sweep.get(name, {}) for name in names}


def _tune(given: Mapping[str, Any]) -> dict[Any, dict[str, Any]] | None:
    """Method -> parameter -> values to choose from; None without `--tune`."""
    from .settings import parse_settings

    if not given["tune"]:
        return None
    try:
        return dict(parse_settings(_method_names(given), given["tune"], None))
    except UsageError as error:
        raise UsageError(str(error).replace("--set", "--tune")) from None


def _method_names(given: Mapping[str, Any]) -> tuple[str, ...]:
    """The methods of `--method`, of the protocol, or the default ones."""
    from ...protocols.builtin import find_protocol
    from ...study.settings import DEFAULT_METHODS

    names = tuple(dict.fromkeys(given["methods"]))
    if names:
        return names
    protocol = given["protocol"] and find_protocol(given["protocol"])
    return (protocol and protocol.study.methods) or tuple(DEFAULT_METHODS)
