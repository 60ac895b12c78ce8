"""Values that a shell completes: methods, parameters, protocols, datasets, rows and keys."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click
from click.shell_completion import CompletionItem

_MAX_RECORDS = 2000
"""Records that are read for one completion."""

Values = Callable[[click.Context], Iterable[str]]


class _Completed(click.types.StringParamType):
    """The type of a parameter while a shell completes it."""

    def __init__(self, values: Values, *, several: bool) -> None:
        self.values = values
        self.several = several

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        # In a list such as `mvtec,vi` the last word is completed.
        before, comma, last = incomplete.rpartition(",") if self.several else ("", "", incomplete)
        values = dict.fromkeys(value for value in self.values(ctx) if value.startswith(last))
        return [CompletionItem(before + comma + value) for value in values]


def add_completion(command: click.Command) -> None:
    """Let a command, and the commands of a group, complete the values of their parameters."""
    for param in command.params:
        name = max(param.opts, key=len) if isinstance(param, click.Option) else param.name or ""
        values = _OF_COMMAND.get((command.name or "", name)) or _VALUES.get(name)
        if values is not None:
            param.type = _Completed(values, several=name in _LISTS)
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            add_completion(inner)


def _methods(ctx: click.Context) -> Iterable[str]:
    from ...plugins.methods import method_names

    return method_names()


def _settings(ctx: click.Context) -> Iterator[str]:
    """`METHOD.PARAM` of the methods that are given, or of all."""
    from ...interface.params import specs
    from ...plugins.methods import load_method, method_names

    given = ctx.params.get("methods") or [ctx.params.get("name")]
    for name in [name for name in method_names() if name in given] or method_names():
        yield from (f"{name}.{spec.name}" for spec in specs(load_method(name).Params))


def _protocols(ctx: click.Context) -> Iterable[str]:
    from ...protocols.builtin import builtin_names

    return builtin_names()


def _datasets(ctx: click.Context) -> Iterable[str]:
    from ...data.opening.registry import dataset_names

    return dataset_names()


def _cataloged(ctx: click.Context) -> Iterable[str]:
    from ...data.catalog import entry_names

    return entry_names()


def _recorded_methods(ctx: click.Context) -> Iterator[str]:
    return (run["cell"]["method"]["name"] for run in _runs(ctx))


def _recorded_protocols(ctx: click.Context) -> Iterator[str]:
    return (run["protocol"] for run in _runs(ctx))


def _rows(ctx: click.Context) -> Iterator[str]:
    """Methods and keys of records; colons would be separate words for bash."""
    for run in _runs(ctx):
        yield run["cell"]["method"]["name"]
        yield run["key"][:8]


def _runs(ctx: click.Context) -> Iterator[Mapping[str, Any]]:
    """The run.json of records under --out, without any check."""
    from .options import DEFAULT_OUT

    out = Path(ctx.params.get("out") or DEFAULT_OUT)
    for number, file in enumerate(out.glob("*/*/*/*/seed-*/run.json")):
        if number == _MAX_RECORDS:
            return
        try:
            run = json.loads(file.read_bytes())
            yield {"key": run["key"], "protocol": run["protocol"], "cell": run["cell"]}
        except (OSError, ValueError, KeyError, TypeError):
            continue


_VALUES: Mapping[str, Values] = MappingProxyType(
    {
        "--method": _recorded_methods,
        "--methods": _recorded_methods,
        "--set": _settings,
        "--protocol": _recorded_protocols,
        "--dataset": _datasets,
        "refs": _rows,
        "run": _rows,
        "runs": _rows,
    }
)
"""Values by option or argument."""

_OF_COMMAND: Mapping[tuple[str, str], Values] = MappingProxyType(
    {
        ("run", "--method"): _methods,
        ("run", "--protocol"): _protocols,
        ("check", "name"): _methods,
        ("methods", "names"): _methods,
        ("protocols", "name"): _protocols,
        ("info", "name"): _cataloged,
        ("download", "name"): _cataloged,
    }
)
"""Values by command and parameter, where these differ from `_VALUES`."""

_LISTS = ("--methods", "--dataset")
"""Options whose values are separated by commas."""
