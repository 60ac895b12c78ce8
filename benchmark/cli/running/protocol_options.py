"""`cadbench run --protocol`: combine the settings of a protocol with the options."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from ....results.errors import UsageError
from ...system.reporting import Reporter
from ..shared.options import is_given, parse_names

if TYPE_CHECKING:
    from ...protocols.protocol import Protocol
    from ...running.cell import Cell


def apply_protocol(context: click.Context, given: dict[str, Any]) -> dict[str, Any]:
    """Replace options by the settings of the protocol.

    Orders, seeds, methods, parameters, backbone and embedding are taken from the protocol only if
    no option gives them.

    Args:
        context: the command's context, which knows which options the user gave.
        given: the options of `cadbench run`.

    Returns:
        The options; `protocol` is now a `Protocol` or None.

    Raises:
        UsageError: an option contradicts the protocol.
    """
    if given["protocol"] is None or given["cells_file"]:
        return {**given, "protocol": None}
    from ...protocols.builtin import find_protocol

    protocol = find_protocol(given["protocol"])
    by_user = {
        option.name: option.opts[0]
        for option in context.command.params
        if option.name and is_given(context, option)
    }
    _check_contradictions(protocol, given, by_user)
    fixed: dict[str, Any] = {
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
        fixed["categories"] = ",".join(protocol.categories)
    study = protocol.study
    defaults = {
        "order": ",".join(protocol.orders),
        "seeds": study.seeds and ",".join(map(str, study.seeds)),
        "methods": study.methods,
        "backbone": study.backbone,
        "embedding": study.embedding,
    }
    used_defaults = {k: v for k, v in defaults.items() if v is not None and k not in by_user}
    merged = {**given, **fixed, **used_defaults}
    settings = _settings(protocol, merged)
    study_methods = () if "methods" in by_user else study.methods or ()
    check_study(protocol.where, study_methods, settings)
    return {**merged, "settings": (*given["settings"], *settings)}


def check_study(where: str, methods: Sequence[str], settings: Sequence[str]) -> None:
    """Check the methods and parameters that the study of a protocol names.

    Args:
        where: name of the protocol or its file, for error messages.
        methods: names of methods.
        settings: texts of the form METHOD.PARAM=VALUES.

    Raises:
        UsageError: a method or parameter does not exist.
    """
    from ...plugins.methods import load_method
    from .settings import parse_settings

    try:
        for method in methods:
            load_method(method)
        parse_settings(tuple(dict.fromkeys(map(_method, settings))), settings, None)
    except UsageError as error:
        raise UsageError(f"{where}: study: {error}") from None


def warn_of_unofficial_orders(
    protocol: Protocol | None, cells: Sequence[Cell], reporter: Reporter
) -> None:
    """Warn of each order of the cells that is not an official order of the protocol."""
    if protocol is None:
        return
    for order in dict.fromkeys(cell.order for cell in cells):
        if order not in protocol.official_orders(tuple(sorted(order.categories))):
            reporter.warn(
                f"order {order.name} is not one of {protocol.where}'s official orders "
                f"({', '.join(protocol.orders)}): do not compare these rows with official ones"
            )


def _check_contradictions(
    protocol: Protocol, given: dict[str, Any], by_user: dict[str, str]
) -> None:
    from ...data.images.preprocessing import Preprocessing

    size = protocol.preprocessing
    compared: dict[str, tuple[object, object, object]] = {
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
            parse_names(given["drift"]) or (),
            protocol.drift,
            ",".join(protocol.drift) or "no drift",
        ),
        "blend": (given["blend"], protocol.blend, f"{protocol.blend:g}"),
    }
    if protocol.categories is not None:
        wanted = set(parse_names(given["categories"]) or ())
        text = ", ".join(protocol.categories)
        compared["categories"] = (wanted, set(protocol.categories), text)
    for name, (option, setting, setting_text) in compared.items():
        if name in by_user and option != setting:
            raise UsageError(
                f"{by_user[name]} and --protocol exclude each other: the protocol sets "
                f"{setting_text}"
            )


def _sorted(datasets: str) -> str:
    return ",".join(sorted({name.strip() for name in datasets.split(",")}))


def _settings(protocol: Protocol, merged: dict[str, Any]) -> tuple[str, ...]:
    """The study's settings of the methods that run, except parameters that an option sets."""
    set_by_options = {_target(setting) for setting in merged["settings"]}
    if merged["experts"] is not None:
        set_by_options |= {f"{method}.experts" for method in merged["methods"]}
    return tuple(
        setting
        for setting in protocol.study.set
        if _target(setting) not in set_by_options and _method(setting) in merged["methods"]
    )


def _target(setting: str) -> str:
    return setting.partition("=")[0].strip()


def _method(setting: str) -> str:
    return _target(setting).rpartition(".")[0]
