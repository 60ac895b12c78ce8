"""Protocol ids: the one that settings generate, and which ids are kept for it.

An id of the generated form always means what it says; every other id is free for protocol files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ...results.errors import UsageError
from ..data.images.preprocessing import Preprocessing
from ..interface.context import Routing
from ..pixels.maps import SIGMA, MapSpec

PROTOCOL_VERSION = 1

_ID = re.compile(r"[a-z0-9][a-z0-9._+-]*@[1-9][0-9]*")
_PART = r"\d+(?:x\d+)?"
_SETTINGS = re.compile(
    rf"(?P<schedule>{_PART}(?:-{_PART})*)-(?P<size>\d+)-(?P<routing>oracle|inferred)"
    r"(?:-resize(?P<resize>\d+))?(?:-sigma(?P<sigma>[0-9.e+-]+))?"
    r"(?:-drift(?P<drift>(?:-[a-z]+[1-9]\d*)+))?(?:-blend(?P<blend>[0-9.e+-]+))?@(?P<version>\d+)"
)


@dataclass(frozen=True)
class ProtocolSettings:
    """What a protocol fixes besides the images; dataset: None where only the data will tell."""

    dataset: str | None
    schedule: str
    routing: Routing
    preprocessing: Preprocessing
    maps: MapSpec
    drift: tuple[str, ...] = ()
    blend: float = 0.0

    @property
    def settings_id(self) -> str:
        """The generated id without the dataset; what differs from the usual is spelled out."""
        size = self.preprocessing
        resize = "" if size == Preprocessing.for_image_size(size.crop) else f"-resize{size.resize}"
        sigma = "" if self.maps.sigma == SIGMA else f"-sigma{_plain(self.maps.sigma)}"
        drift = f"-drift{_joined(self.drift)}" if self.drift else ""
        blend = f"-blend{_plain(self.blend)}" if self.blend else ""
        return (
            f"{self.schedule}-{size.crop}-{self.routing}{resize}{sigma}{drift}{blend}"
            f"@{PROTOCOL_VERSION}"
        )

    @property
    def generated_id(self) -> str:
        """`mvtec-1x15-224-oracle@1`: the versioned id of these settings on a known dataset."""
        return f"{self.dataset}-{self.settings_id}"


def is_reserved(protocol_id: str) -> bool:
    """Whether an id has the form of the generated ones."""
    return re.fullmatch(f".+?-{_SETTINGS.pattern}", protocol_id) is not None


def check_id(protocol_id: Any, settings: ProtocolSettings) -> None:
    """`UsageError` for what is no id, or a reserved one that stands for other settings."""
    if not (isinstance(protocol_id, str) and _ID.fullmatch(protocol_id)):
        raise UsageError(
            "a protocol's id is a name of small letters, digits and . _ + - with a version such as "
            f"our-parts@1, not {protocol_id!r}"
        )
    if not is_reserved(protocol_id):
        return
    if settings.dataset is None and protocol_id.endswith(f"-{settings.settings_id}"):
        return
    mine, theirs = _values(settings), _parsed(protocol_id, settings.dataset)
    for name, value in theirs.items():
        if mine[name] not in (value, None):
            raise UsageError(
                f"the id {protocol_id} is kept for {name} {value}, and this is {name} "
                f"{mine[name]}; choose another id"
            )


def _values(settings: ProtocolSettings) -> dict[str, str | None]:
    return {
        "dataset": settings.dataset,
        "schedule": settings.schedule,
        "crop": str(settings.preprocessing.crop),
        "routing": settings.routing,
        "resize": str(settings.preprocessing.resize),
        "map sigma": _plain(settings.maps.sigma),
        "drift": _joined(settings.drift) or "none",
        "blend": _plain(settings.blend),
        "version": str(PROTOCOL_VERSION),
    }


def _parsed(protocol_id: str, dataset: str | None) -> dict[str, str]:
    """What a reserved id says; a dataset of the known name is not taken for part of a schedule."""
    found = dataset and re.fullmatch(
        f"(?P<dataset>{re.escape(dataset)})-{_SETTINGS.pattern}", protocol_id
    )
    found = found or re.fullmatch(f"(?P<dataset>.+?)-{_SETTINGS.pattern}", protocol_id)
    assert found
    usual = Preprocessing.for_image_size(max(1, int(found["size"][:9])))
    return {
        "dataset": found["dataset"],
        "schedule": found["schedule"],
        "crop": found["size"],
        "routing": found["routing"],
        "resize": found["resize"] or str(usual.resize),
        "map sigma": found["sigma"] or _plain(SIGMA),
        "drift": found["drift"] or "none",
        "blend": found["blend"] or _plain(0),
        "version": found["version"],
    }


def _joined(domains: tuple[str, ...]) -> str:
    """`-dark2-blur1`."""
    return "".join(f"-{name.replace(':', '')}" for name in domains)


def _plain(sigma: float) -> str:
    """The shortest exact writing: two values never look alike."""
    return repr(float(sigma)).removesuffix(".0")
