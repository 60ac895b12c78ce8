"""Protocol ids: generated from settings, or chosen by a protocol file.

An id of the generated form is reserved for the settings that it spells out. Protocol files may
choose any other id.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, cast

from ...results.errors import UsageError
from ...results.records.schema import THRESHOLD_QUANTILE
from ..data.images.preprocessing import Mode, Preprocessing
from ..interface.context import Routing
from ..pixels.maps import SIGMA, MapSpec

PROTOCOL_VERSION = 1

_ID = re.compile(r"[a-z0-9][a-z0-9._+-]*@[1-9][0-9]*")
_PART = r"\d+(?:x\d+)?"
_SETTINGS = re.compile(
    rf"(?P<schedule>{_PART}(?:-{_PART})*)-(?P<size>\d+)-(?P<routing>oracle|inferred)"
    r"(?:-(?P<mode>pad|squash))?(?:-resize(?P<resize>\d+))?(?:-sigma(?P<sigma>[0-9.e+-]+))?"
    r"(?:-drift(?P<drift>(?:-[a-z]+[1-9]\d*)+))?(?:-blend(?P<blend>[0-9.e+-]+))?"
    r"(?:-holdout(?P<holdout>[0-9.e+-]+))?(?:-quantile(?P<quantile>[0-9.e+-]+))?"
    r"(?:-contaminate(?P<contaminate>[0-9.e+-]+))?@(?P<version>\d+)"
)


@dataclass(frozen=True)
class ProtocolSettings:
    """The settings that a protocol fixes besides the images; `dataset` is None for a folder."""

    dataset: str | None
    schedule: str
    routing: Routing
    preprocessing: Preprocessing
    maps: MapSpec
    drift: tuple[str, ...] = ()
    blend: float = 0.0
    holdout: float = 0.0
    threshold_quantile: float = THRESHOLD_QUANTILE
    contaminate: float | None = None

    @property
    def settings_id(self) -> str:
        """The generated id without the dataset; only values other than the defaults are named."""
        size = self.preprocessing
        mode = "" if size.mode == "crop" else f"-{size.mode}"
        usual = Preprocessing.for_image_size(size.crop, size.mode)
        resize = "" if size == usual else f"-resize{size.resize}"
        sigma = "" if self.maps.sigma == SIGMA else f"-sigma{_plain(self.maps.sigma)}"
        drift = f"-drift{_join(self.drift)}" if self.drift else ""
        blend = f"-blend{_plain(self.blend)}" if self.blend else ""
        holdout = f"-holdout{_plain(self.holdout)}" if self.holdout else ""
        usual_quantile = self.threshold_quantile == THRESHOLD_QUANTILE
        quantile = "" if usual_quantile else f"-quantile{_plain(self.threshold_quantile)}"
        dirty = "" if self.contaminate is None else f"-contaminate{_plain(self.contaminate)}"
        return (
            f"{self.schedule}-{size.crop}-{self.routing}{mode}{resize}{sigma}{drift}{blend}"
            f"{holdout}{quantile}{dirty}@{PROTOCOL_VERSION}"
        )

    @property
    def generated_id(self) -> str:
        """The versioned id of these settings: `mvtec-1x15-224-oracle@1`."""
        return f"{self.dataset}-{self.settings_id}"


def is_reserved(protocol_id: str) -> bool:
    """Whether an id has the form of the generated ones."""
    return re.fullmatch(f".+?-{_SETTINGS.pattern}", protocol_id) is not None


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
    mine, theirs = _values(settings), _parse(protocol_id, settings.dataset)
    for name, value in theirs.items():
        if mine[name] not in (value, None):
            raise UsageError(
                f"the id {protocol_id} is reserved for {name} {value}, but this protocol has "
                f"{name} {mine[name]}; choose another id"
            )


def _values(settings: ProtocolSettings) -> dict[str, str | None]:
    return {
        "dataset": settings.dataset,
        "schedule": settings.schedule,
        "crop": str(settings.preprocessing.crop),
        "routing": settings.routing,
        "mode": settings.preprocessing.mode,
        "resize": str(settings.preprocessing.resize),
        "map sigma": _plain(settings.maps.sigma),
        "drift": _join(settings.drift) or "none",
        "blend": _plain(settings.blend),
        "holdout": _plain(settings.holdout),
        "threshold quantile": _plain(settings.threshold_quantile),
        "contaminate": "none" if settings.contaminate is None else _plain(settings.contaminate),
        "version": str(PROTOCOL_VERSION),
    }


def _parse(protocol_id: str, dataset: str | None) -> dict[str, str]:
    """Parse a reserved id.

    `dataset`, if given, is matched first: its name may contain text that looks like a schedule.
    """
    found = dataset and re.fullmatch(
        f"(?P<dataset>{re.escape(dataset)})-{_SETTINGS.pattern}", protocol_id
    )
    found = found or re.fullmatch(f"(?P<dataset>.+?)-{_SETTINGS.pattern}", protocol_id)
    assert found
    mode = cast("Mode", found["mode"] or "crop")
    default = Preprocessing.for_image_size(max(1, int(found["size"][:9])), mode)
    return {
        "dataset": found["dataset"],
        "schedule": found["schedule"],
        "crop": found["size"],
        "routing": found["routing"],
        "mode": mode,
        "resize": found["resize"] or str(default.resize),
        "map sigma": found["sigma"] or _plain(SIGMA),
        "drift": found["drift"] or "none",
        "blend": found["blend"] or _plain(0),
        "holdout": found["holdout"] or _plain(0),
        "threshold quantile": found["quantile"] or _plain(THRESHOLD_QUANTILE),
        "contaminate": found["contaminate"] or "none",
        "version": found["version"],
    }


def _join(domains: tuple[str, ...]) -> str:
    """`-dark2-blur1`."""
    return "".join(f"-{name.replace(':', '')}" for name in domains)


def _plain(sigma: float) -> str:
    """Return the shortest exact text of a number, so that different values have different ids."""
    return repr(float(sigma)).removesuffix(".0")
