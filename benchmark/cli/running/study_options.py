"""The options of `cadbench run` that make a study, and those that say how it is computed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ....results.errors import UsageError
from ...streams.settings import DEFAULTS, SETTINGS, SettingError
from ..shared.grouped_help import GroupedCommand
from ..shared.options import FiniteRange, is_given

if TYPE_CHECKING:
    from ...study.execution import Execution
    from ...study.study import Study

_MACHINE = ("data_root", "weights")
"""Options that may be combined with a study file: they say where files are."""


class SettingsCommand(GroupedCommand):
    """A command with `--set`; the error for a parameter given as an option names `--set`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            from .settings import is_parameter

            option = error.option_name
            name = option.removeprefix("--").replace("-", "_")
            if not is_parameter(name):
                raise
            _, _, value = " ".join(words).replace("=", " ").partition(f"{option} ")
            value = next((word for word in value.split()[:1] if word[0] != "-"), "VALUE")
            raise UsageError(
                f"no such option {option}: {name} is a parameter of methods; write --set "
                f"{name}={value}"
            ) from None


def stream_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option of each setting of a stream to a command."""
    for name, setting in reversed(list(SETTINGS.items())):
        default = DEFAULTS[name] if DEFAULTS[name] != () else None
        kind: Any = None
        if setting.choices:
            kind = click.Choice(setting.choices)
        elif isinstance(default, float):
            kind = FiniteRange(min=0, max=1, min_open=setting.above_0, max_open=setting.below_1)
        command = click.option(
            f"--{name.replace('_', '-')}",
            type=kind,
            default=default,
            show_default=default is not None,
            metavar=setting.metavar,
            help=setting.help,
        )(command)
    return command


def study_options(command: click.Command) -> dict[str, str]:
    """Parameter of `cadbench run` -> its option, for those that say what a study is."""
    groups = command.groups if isinstance(command, GroupedCommand) else {}
    names = [name for group in ("Experiment", "Data", "Features") for name in groups[group]]
    return {each.name: each.opts[0] for each in command.params if each.name in names}


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
            for name in study_options(context.command)
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
    for name, option in study_options(context.command).items():
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
    """Make errors name options instead of the fields of a study."""
    try:
        yield
    except SettingError as error:
        options = {each.name: each.opts[0] for each in click.get_current_context().command.params}
        option = options.get(error.field, error.field)
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
