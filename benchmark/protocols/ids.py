"""Protocol ids: generated from settings, or chosen by a protocol file.

An id of the generated form is reserved for the settings that it spells out. Protocol files may
choose any other id.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, cast

from ...results.errors import UsageError
from ..data.images.preprocessing import Mode, Preprocessing
from ..pixels.maps import MapSpec
from ..streams.settings import SETTINGS, StreamSettings

PROTOCOL_VERSION = 1

_ID = re.compile(r"[a-z0-9][a-z0-9._+-]*@[1-9][0-9]*")
_PART = r"\d+(?:x\d+)?"
_NUMBER = r"[0-9.e+-]+"
_OPTIONAL = {
    "mode": ("-", "pad|squash"),
    "resize": ("-resize", r"\d+"),
    "map sigma": ("-sigma", _NUMBER),
    **{
        name.replace("_", " "): (f"-{setting.id_word}", _NUMBER)
        for name, setting in SETTINGS.items()
        if setting.id_word
    },
    "drift": ("-drift", r"(?:-[a-z]+[1-9]\d*)+"),
}
"""Name in messages -> what precedes the value in an id, and the pattern of the value.

An id names only values other than the defaults."""
_SETTINGS = (
    rf"(?P<schedule>{_PART}(?:-{_PART})*)-(?P<crop>\d+)-(?P<routing>oracle|inferred)"
    + "".join(
        rf"(?:{prefix}(?P<{name.replace(' ', '_')}>{pattern}))?"
        for name, (prefix, pattern) in _OPTIONAL.items()
    )
    + r"@(?P<version>\d+)"
)


@dataclass(frozen=True, kw_only=True)
class ProtocolSettings(StreamSettings):
    """The settings that a protocol fixes besides the images; `dataset` is None for a folder."""

    dataset: str | None = None
    preprocessing: Preprocessing = Preprocessing()
    maps: MapSpec = MapSpec()

    @property
    def settings_id(self) -> str:
        """The generated id without the dataset."""
        texts, usual = _texts(self), _usual(self.preprocessing)
        options = "".join(
            f"{prefix}{texts[name]}"
            for name, (prefix, _) in _OPTIONAL.items()
            if texts[name] != usual[name]
        )
        return f"{self.schedule}-{texts['crop']}-{self.routing}{options}@{PROTOCOL_VERSION}"

    @property
    def generated_id(self) -> str:
        """The versioned id of these settings: `mvtec-1x15-224-oracle@1`."""
        return f"{self.dataset}-{self.settings_id}"


def is_reserved(protocol_id: str) -> bool:
    """Whether an id has the form of the generated ones."""
    return re.fullmatch(f".+?-{_SETTINGS}", protocol_id) is not None


def check_id(protocol_id: Any, settings: ProtocolSettings) -> None:
    """Check the id of a protocol.

    Args:
        protocol_id: the id.
        settings: the settings of the protocol.

    Raises:
        UsageError: it is not an id, or it is reserved for other settings.
    """
    if not (isinstance(protocol_id, str) and _ID.fullmatch(protocol_id)):
        raise UsageError(
            "a protocol's id is a name of lower-case letters, digits and . _ + - with a version "
            f"such as our-parts@1, not {protocol_id!r}"
        )
    if not is_reserved(protocol_id):
        return
    if settings.dataset is None and protocol_id.endswith(f"-{settings.settings_id}"):
        return
    mine, theirs = _texts(settings), _parse(protocol_id, settings.dataset)
    for name, value in theirs.items():
        if mine[name] not in (value, None):
            raise UsageError(
                f"the id {protocol_id} is reserved for {name} {value}, but this protocol has "
                f"{name} {mine[name]}; choose another id"
            )


def _texts(settings: ProtocolSettings) -> dict[str, str | None]:
    """Name in messages -> the value as an id has it."""
    return {
        "dataset": settings.dataset,
        "crop": str(settings.preprocessing.crop),
        "mode": settings.preprocessing.mode,
        "resize": str(settings.preprocessing.resize),
        "map sigma": _text(settings.maps.sigma),
        **{name.replace("_", " "): _text(getattr(settings, name)) for name in SETTINGS},
        "version": str(PROTOCOL_VERSION),
    }


def _usual(size: Preprocessing) -> dict[str, str | None]:
    """The same for the settings that an id does not name."""
    usual = Preprocessing.for_image_size(size.crop, size.mode)
    return {**_texts(ProtocolSettings(preprocessing=usual)), "mode": "crop"}


def _parse(protocol_id: str, dataset: str | None) -> dict[str, str | None]:
    """Parse a reserved id.

    `dataset`, if given, is matched first: its name may contain text that looks like a schedule.
    """
    found = dataset and re.fullmatch(f"(?P<dataset>{re.escape(dataset)})-{_SETTINGS}", protocol_id)
    found = found or re.fullmatch(f"(?P<dataset>.+?)-{_SETTINGS}", protocol_id)
    assert found
    named = {name.replace("_", " "): text for name, text in found.groupdict().items() if text}
    mode = cast("Mode", named.get("mode", "crop"))
    usual = _usual(Preprocessing.for_image_size(max(1, int(named["crop"][:9])), mode))
    always = ("dataset", "schedule", "crop", "routing")
    return {name: named.get(name, usual[name]) for name in (*always, *_OPTIONAL, "version")}


def _text(value: Any) -> str:
    """The shortest exact text of a number, `-dark2-blur1` for domains, a text as it is."""
    if isinstance(value, tuple):
        return "".join(f"-{name.replace(':', '')}" for name in value) or "none"
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    return "none" if value is None else str(value)
