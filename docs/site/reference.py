"""Reference pages of the documentation site, generated from the registries."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module

import cadbench
import click
from cadbench.benchmark.cli.main import COMMANDS
from cadbench.benchmark.interface.method import summary
from cadbench.benchmark.interface.params import ParamSpec, specs
from cadbench.benchmark.plugins.methods import load_method, method_names
from cadbench.benchmark.protocols.builtin import builtin_names, find_protocol
from cadbench.results.metrics.registry import METRICS
from cadbench.results.records import schema


def commands() -> str:
    """Each command with its arguments and options."""
    parts = ["# Commands", "`cadbench COMMAND --help` prints the same."]
    for name, (module, _) in COMMANDS.items():
        command = import_module(module, "cadbench.benchmark.cli").command
        parts += _command(f"cadbench {name}", command)
    return _page(parts)


def _command(name: str, command: click.Command, depth: int = 2) -> list[str]:
    context = click.Context(command, info_name=name)
    with context:
        usage = command.get_usage(context).removeprefix("Usage: ")
        text = inspect.cleandoc(command.help or "").replace("\f", "")
        first, *rest = text.split("\n\n")
        parts = [f"{'#' * depth} {name}", f"```\n{' '.join(usage.split())}\n```", first]
        parts += [_paragraph(block) for block in rest]
        rows = [
            option
            for parameter in command.get_params(context)
            if (option := parameter.get_help_record(context))
        ]
        parts.append(_table(("option", "meaning"), ((f"`{a}`", b) for a, b in rows)))
        if isinstance(command, click.Group):
            for each in command.list_commands(context):
                inner = command.get_command(context, each)
                assert inner is not None
                parts += _command(f"{name} {each}", inner, depth + 1)
    return parts


def _paragraph(text: str) -> str:
    """Keep the lines of a block that click does not wrap."""
    return f"```\n{text.removeprefix(chr(8)).strip()}\n```" if text.startswith("\b") else text


def methods() -> str:
    """Each method with its parameters; the strategies of one detector in one section."""
    parts = ["# Methods", "Sources and what each stores: [methods](../methods.md)."]
    found: dict[str, dict[str, type[cadbench.Method]]] = {}
    for name in method_names():
        try:
            method = load_method(name)
        except cadbench.CadbenchError:  # a plugin of this environment that cannot be imported
            continue
        found.setdefault(name.partition("+")[0], {})[name] = method
    for detector, variants in found.items():
        first = next(iter(variants.values()))
        if list(variants) == [detector]:
            parts += [f"## `{detector}`", f"{summary(first)} Version {first.version}."]
            parts.append(_parameters(detector, specs(first.Params)))
            continue
        shared = [
            spec
            for spec in specs(first.Params)
            if all(spec in specs(method.Params) for method in variants.values())
        ]
        parts += [f"## `{detector}+STRATEGY`", "Parameters of every strategy:"]
        parts += [_parameters(detector, shared), "And those of one strategy:"]
        rows = [
            row
            for name, method in variants.items()
            for row in _rows(name, [spec for spec in specs(method.Params) if spec not in shared])
        ]
        parts.append(_table(("method", *_PARAMETER), rows))
    return _page(parts)


_PARAMETER = ("parameter", "default", "accepts", "meaning")


def _parameters(name: str, found: Iterable[ParamSpec]) -> str:
    return _table(_PARAMETER, (row[1:] for row in _rows(name, found)))


def _rows(name: str, found: Iterable[ParamSpec]) -> list[tuple[str, ...]]:
    """One row per parameter; a row of dashes for a method without any."""
    rows = [
        (f"`{name}`", f"`{spec.name}`", f"`{spec.show(spec.default)}`", spec.accepts, spec.help)
        for spec in found
    ]
    return rows or [(f"`{name}`", "-", "-", "-", "-")]


def metrics() -> str:
    """Each metric with its formula."""
    parts = ["# Metrics", "How they are computed: [metrics](../metrics.md)."]
    for name, metric in METRICS.items():
        facts = {
            "formula": metric.formula,
            "range": metric.range,
            "better": metric.better,
            "note": metric.sign,
            "published as": metric.published,
        }
        parts += [f"## `{name}`", f"{metric.meaning[:1].upper()}{metric.meaning[1:]}."]
        parts.append(_table(("", ""), ((key, text) for key, text in facts.items() if text)))
    return _page(parts)


def protocols() -> str:
    """Each built-in protocol."""
    columns = ("name", "id", "schedule", "routing", "orders", "source")
    rows = (
        (f"`{name}`", f"`{p.id}`", p.schedule, p.routing, ", ".join(p.orders), p.source)
        for name in builtin_names()
        for p in [find_protocol(name)]
    )
    about = "`cadbench protocols NAME` prints one as a file. [More](../protocols.md)."
    return _page(["# Built-in protocols", about, _table(columns, rows)])


def python() -> str:
    """Every public name, rendered from its docstring."""
    parts = ["# Python", "Everything that `import cadbench` offers. [A guide](../python.md)."]
    for name in cadbench.__all__:
        thing = getattr(cadbench, name)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            label = f"{{heading: cadbench.{name}, toc_label: {name}}}"
            target = f"{thing.__module__}.{thing.__qualname__}"
            parts.append(f"::: {target}\n    options: {label}")
    return _page(parts)


def records() -> str:
    """The files of a record and the entries of run.json."""
    text = inspect.getdoc(schema) or ""
    code = inspect.getsource(schema).split("class OrderEntry", 1)[1]
    source = f"class OrderEntry{code}"
    return _page(
        ["# Records", f"```\n{text}\n```", "## Entries and columns", f"```python\n{source}\n```"]
    )


PAGES: Mapping[str, Callable[[], str]] = {
    each.__name__: each for each in (commands, methods, metrics, protocols, python, records)
}
"""Name of the page -> what writes it."""


def _table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table; empty if there is no row."""
    body = [" | ".join(_cell(str(cell)) for cell in row) for row in rows]
    columns = list(columns)
    head = [" | ".join(columns), " | ".join("---" for _ in columns)]
    return "\n".join(f"| {line} |" for line in [*head, *body]) if body else ""


def _cell(text: str) -> str:
    """Escape what would end or emphasize a cell; code needs no escape."""
    return text if text.startswith("`") else text.replace("|", "&#124;").replace("*", "&#42;")


def _page(parts: Iterable[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"
