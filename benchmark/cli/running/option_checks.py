"""Checks of the options of `cadbench run` that need no images, made before any image is read."""

from __future__ import annotations

from typing import Any

import click

from ....results.errors import UsageError
from ..shared.options import is_given, parse_names, parse_numbers, parse_orders
from .engine import ENGINE, check_engine

_WITH_CELLS = {"cells_file", "dataset", "data_root", "categories", "skip_unreadable", "weights",
               "device", "neighbors", "keep_distances", "maps", "shard", "out", "overwrite",
               "dry_run", "output", "quiet", "verbose", *ENGINE}  # fmt: skip
"""Options that can be combined with `--cells`; the values of the others are part of the cells."""


def check_options(context: click.Context, given: dict[str, Any]) -> None:
    """Check values and combinations of options.

    Args:
        context: the command's context, which knows which options the user gave.
        given: the options of `cadbench run`.

    Raises:
        UsageError: an option has an invalid value, or two options exclude each other.
    """
    from ...data.domains import parse_domains
    from ...plugins.methods import load_method
    from ...plugins.requirements import check_recurring, check_routing
    from .settings import parse_settings, take_shard

    if given["cells_file"]:
        _check_with_cells(context)
    parse_domains(parse_names(given["drift"]) or ())
    for method in given["methods"]:
        kind, routing = load_method(method), given["routing"]
        check_routing(method, kind, routing)
        drift, blend = bool(given["drift"]), bool(given["blend"])
        check_recurring(method, kind, routing, drift=drift, blend=blend)
    parse_settings(given["methods"], given["settings"], given["experts"])
    parse_numbers(given["seeds"], "--seeds")
    parse_orders(given["order"])
    take_shard([], given["shard"])
    check_engine(given)
    if given["shard"] and given["match_memory"]:
        raise UsageError(
            "--shard and --match-memory exclude each other: a matched cell needs the result of "
            "another cell, which may be in another shard"
        )
    if given["match_memory"] and given["match_memory"] not in given["methods"]:
        load_method(given["match_memory"])
        raise UsageError(
            f"--match-memory {given['match_memory']}: this method is not part of the run; add "
            f"--method {given['match_memory']}"
        )
    if given["output"] != "text" and not given["dry_run"]:
        raise UsageError(f"--format {given['output']} needs --dry-run")
    if given["device"] == "cuda":
        from ...running.devices import choose_device

        choose_device("cuda")
    if given["weights"] and not given["weights"].is_file():
        raise UsageError(f"--weights {given['weights']}: no such file")
    if given["embedding"]:
        from ...features.backbones import embedding_params

        embedding_params(given["embedding"])


def _check_with_cells(context: click.Context) -> None:
    """Refuse options that would seem to change the cells of `--cells`, which are complete."""
    for option in context.command.params:
        if is_given(context, option) and option.name not in _WITH_CELLS:
            raise UsageError(
                f"{option.opts[0]} and --cells exclude each other: the value of {option.opts[0]} "
                "is part of each cell"
            )
