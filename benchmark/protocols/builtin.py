"""Finds built-in protocols by name, and protocol files of users by path."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from ...results.did_you_mean import suggestion
from ...results.errors import UsageError
from ...results.validation import parse_toml, read_toml
from .parsing import read_protocol
from .protocol import Protocol


def builtin_names() -> tuple[str, ...]:
    """Return the names of the built-in protocols, sorted."""
    files = (entry.name for entry in resources.files(__package__).iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml")))


def builtin_text(name: str) -> str:
    """Return the text of a built-in protocol's file."""
    return resources.files(__package__).joinpath(f"{name}.toml").read_text("utf-8")


def find_protocol(name: str) -> Protocol:
    """Return a built-in protocol, or the one in a file.

    Args:
        name: name of a built-in protocol, or path of a file.

    Raises:
        UsageError: there is no such protocol or file, or the file is wrong.
    """
    builtin = builtin_names()
    if name in builtin:
        return parse_protocol(builtin_text(name), name)
    if Path(name).is_file():
        return read_protocol(read_toml(Path(name)), name)
    same_id = [each for each in builtin if find_protocol(each).id == name]
    if same_id:
        raise UsageError(f"{name} is the id of a protocol; give its name: {' or '.join(same_id)}")
    raise UsageError(
        f"no protocol {name!r}{suggestion(name, builtin)}; there are: {', '.join(builtin)}, or "
        "give a file (`cadbench protocols NAME` prints one to start from)"
    )


def parse_protocol(text: str, where: str) -> Protocol:
    """Return the protocol in the text of a TOML file; errors name file and key."""
    return read_protocol(parse_toml(text, where), where)
