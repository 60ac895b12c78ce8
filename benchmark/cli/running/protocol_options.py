"""`cadbench run --protocol`: what the protocol says goes before what the options say by default."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from ....results.errors import UsageError
from ...system.reporting import Reporter
from ..shared.options import names

if TYPE_CHECKING:
    from ...protocols.protocol import Protocol
    from ...running.cell import Cell


def under_protocol(context: click.Context, given: dict[str, Any]) -> dict[str, Any]:
    """The options with the protocol's settings in place; `protocol` is then a Protocol or None.

    An option that contradicts the protocol is a `UsageError`. Orders, seeds, methods, parameters,
    backbone and embedding come from the protocol only where no option gives them.
    """
    if given["protocol"] is None or given["cells_file"]:
        return {**given, "protocol": None}
    from ...protocols.builtin import find_protocol

    protocol = find_protocol(given["protocol"])
    by_user = {
        option.name: option.opts[0]
        for option in context.command.params
        if option.name and _is_given(context, option.name)
    }
    _refuse_contradictions(protocol, given, by_user)
    settled: dict[str, Any] = {
        "protocol": protocol,
        "dataset": protocol.dataset,
        "categories": given["categories"],
        "schedule": protocol.schedule,
        "routing": protocol.routing,
        "unseen": protocol.unseen,
        "map_sigma": protocol.maps.sigma,
        "drift": ",".join(protocol.drift) or None,
        "blend": protocol.blend,
    }
    if protocol.categories is not None:
        settled["categories"] = ",".join(protocol.categories)
    study = protocol.study
    defaults = {
        "order": ",".join(protocol.orders),
        "seeds": study.seeds and ",".join(map(str, study.seeds)),
        "methods": study.methods,
        "backbone": study.backbone,
        "embedding": study.embedding,
    }
    chosen = {k: v for k, v in defaults.items() if v is not None and k not in by_user}
    merged = {**given, **settled, **chosen}
    settings = _settings(protocol, merged)
    of_study = () if "methods" in by_user else study.methods or ()
    check_study(protocol.where, of_study, settings)
    return {**merged, "settings": (*given["settings"], *settings)}


def check_study(where: str, methods: Sequence[str], settings: Sequence[str]) -> None:
    """`UsageError` naming the file for what the methods that are installed here do not know."""
    from ...plugins.methods import load_method
    from ...running.study import parse_settings

    try:
        for method in methods:
            load_method(method)
        parse_settings(tuple(dict.fromkeys(map(_method, settings))), settings, None)
    except UsageError as error:
        raise UsageError(f"{where}: study: {error}") from None


def warn_of_other_orders(
    protocol: Protocol | None, cells: Sequence[Cell], reporter: Reporter
) -> None:
    """A line for each order of the cells that is not one of the protocol's."""
    if protocol is None:
        return
    for order in dict.fromkeys(cell.order for cell in cells):
        if order not in protocol.official_orders(tuple(sorted(order.categories))):
            reporter.warn(
                f"order {order.name} is not one of {protocol.where}'s official orders "
                f"({', '.join(protocol.orders)}): these rows do not compare with the official ones"
            )


def _is_given(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


def _refuse_contradictions(
    protocol: Protocol, given: dict[str, Any], by_user: dict[str, str]
) -> None:
    from ...data.images.preprocessing import Preprocessing

    size = protocol.preprocessing
    asked: dict[str, tuple[object, object, object]] = {
        "dataset": (_sorted(given["dataset"]), protocol.dataset, protocol.dataset),
        "schedule": (given["schedule"], protocol.schedule, protocol.schedule),
        "routing": (given["routing"], protocol.routing, protocol.routing),
        "unseen": (given["unseen"], protocol.unseen, protocol.unseen),
        "image_size": (
            Preprocessing.for_image_size(given["image_size"]),
            size,
            f"a resize to {size.resize} and a crop of {size.crop} pixels",
        ),
        "map_sigma": (given["map_sigma"], protocol.maps.sigma, f"{protocol.maps.sigma:g}"),
        "drift": (
            names(given["drift"]) or (),
            protocol.drift,
            ",".join(protocol.drift) or "no drift",
        ),
        "blend": (given["blend"], protocol.blend, f"{protocol.blend:g}"),
    }
    if protocol.categories is not None:
        wanted = set(names(given["categories"]) or ())
        said = ", ".join(protocol.categories)
        asked["categories"] = (wanted, set(protocol.categories), said)
    for name, (mine, theirs, told) in asked.items():
        if name in by_user and mine != theirs:
            raise UsageError(
                f"{by_user[name]} and --protocol exclude each other: the protocol says {told}"
            )


def _sorted(datasets: str) -> str:
    return ",".join(sorted({name.strip() for name in datasets.split(",")}))


def _settings(protocol: Protocol, merged: dict[str, Any]) -> tuple[str, ...]:
    """The study's `set` for the methods that run, but for parameters that an option sets."""
    taken = {_target(setting) for setting in merged["settings"]}
    if merged["experts"] is not None:
        taken |= {f"{method}.experts" for method in merged["methods"]}
    return tuple(
        setting
        for setting in protocol.study.settings
        if _target(setting) not in taken and _method(setting) in merged["methods"]
    )


def _target(setting: str) -> str:
    return setting.partition("=")[0].strip()


def _method(setting: str) -> str:
    return _target(setting).rpartition(".")[0]
