"""The settings of a stream: type, default, check, option and word in protocol ids of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from ...results.errors import UsageError
from ...results.records.schema import THRESHOLD_QUANTILE
from ..interface.context import Routing

if TYPE_CHECKING:
    from ..data.domains import Domain

Unseen: TypeAlias = Literal["next", "all", "none"]
"""Which columns are scored before they are introduced: those of the next experience, all, none."""


class SettingError(UsageError):
    """A value of a study is wrong.

    Attributes:
        field: the setting, as Python and files name it; the command line puts its option instead.
        text: what is wrong and what to do.
    """

    def __init__(self, field: str, text: str) -> None:
        self.field, self.text = field, text
        super().__init__(f"{field}: {text}")


@dataclass(frozen=True)
class Setting:
    """What `StreamSettings` does not say about a field by its type and default.

    Attributes:
        help: text of its option, which has the name of the field.
        metavar: what the option takes, where it takes more than one plain value.
        choices: the texts that it may be.
        meaning: what a number from 0 to 1 is, for messages.
        above_0: whether the number cannot be 0.
        below_1: whether the number cannot be 1.
        example: continues the message about a wrong number.
        id_word: what precedes its value in generated protocol ids. A setting that has one is left
            out of ids, and of the cell in a record, where it has its default.
    """

    help: str
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    meaning: str = ""
    above_0: bool = False
    below_1: bool = False
    example: str = ""
    id_word: str = ""

    def check(self, name: str, value: Any) -> Any:
        """Return a value as it is stored; raise `SettingError` if it is wrong."""
        if self.choices and value not in self.choices:
            raise SettingError(name, f"expected one of {', '.join(self.choices)}, got {value!r}")
        if not self.meaning:
            return value
        is_share = type(value) in (int, float) and 0 <= value <= 1
        if is_share and not ((self.above_0 and value == 0) or (self.below_1 and value == 1)):
            return float(value)
        bounds = "above 0" if self.above_0 else "at least 0" if self.below_1 else "from 0"
        bounds += " and below 1" if self.below_1 else " to 1"
        raise SettingError(name, f"it is {self.meaning}, {bounds}{self.example}, not {value!r}")


def _setting(default: Any, help: str, **words: Any) -> Any:
    return field(default=default, metadata={"setting": Setting(help, **words)})


@dataclass(frozen=True, kw_only=True)
class StreamSettings:
    """The settings of a stream that a protocol fixes.

    A new setting is one field here; ARCHITECTURE.md names the other three places.

    Raises:
        SettingError: a value is wrong.
    """

    schedule: str = _setting(
        "1x*",
        "Categories per experience: 1x15, 14-1, 10-5, 3x5, 10-1x5; in 1x*, * is as many "
        "experiences as needed.",
    )
    drift: tuple[str, ...] = _setting(
        (),
        "After all categories, show each again under these drift domains, such as "
        "dark:2,blur:1 (see `cadbench domains`); --schedule groups these too.",
        metavar="LIST",
        id_word="drift",
    )
    blend: float = _setting(
        0.0,
        "Share of each category's training images that appear one experience early or late.",
        meaning="the share of images that move to a neighboring experience",
        id_word="blend",
    )
    holdout: float = _setting(
        0.0,
        "Share of each category's training images that methods do not learn from; their scores "
        "set alarm thresholds (docs/thresholds.md).",
        meaning="the share of training images that methods do not learn from",
        below_1=True,
        id_word="holdout",
    )
    threshold_quantile: float = _setting(
        THRESHOLD_QUANTILE,
        "With --holdout: quantile of held-out scores that alarm thresholds have; 0.99 aims at one "
        "false alarm in 100 good images.",
        meaning="the quantile of held-out scores that alarm thresholds have",
        above_0=True,
        below_1=True,
        example=", such as 0.99 for one false alarm in 100 good images",
        id_word="quantile",
    )
    contaminate: float | None = _setting(
        None,
        "Move defective test images to the training images until they are this share of them; "
        "several such as 0,0.02,0.05 give a robustness curve on one test set (docs/tuning.md).",
        metavar="SHARES",
        meaning="the share of defective images among the training images",
        below_1=True,
        id_word="contaminate",
    )
    routing: Routing = _setting(
        "oracle",
        "Whether methods get the category of a test image (oracle) or not (inferred).",
        choices=get_args(Routing),
    )
    unseen: Unseen = _setting(
        "next",
        "Categories that are scored before they are introduced: those of the next experience, "
        "all, or none.",
        choices=get_args(Unseen),
    )

    def __post_init__(self) -> None:
        for name, setting in SETTINGS.items():
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, setting.check(name, value))
        if self.threshold_quantile != THRESHOLD_QUANTILE:
            require_holdout(self.holdout)
        try:
            object.__setattr__(self, "drift", tuple(domain.name for domain in self.domains))
        except UsageError as error:
            raise SettingError("drift", str(error).removeprefix("drift: ")) from None

    @property
    def domains(self) -> tuple[Domain, ...]:
        """The domains under which every category returns."""
        if not self.drift:
            return ()
        from ..data.domains import parse_domains

        return parse_domains(self.drift)

    def stream_settings(self) -> dict[str, Any]:
        """The settings as keyword arguments, without the fields of a subclass."""
        return {name: getattr(self, name) for name in SETTINGS}

    def optional_entries(self) -> dict[str, Any]:
        """The entries of a record's cell that are left out where they have their default."""
        found = {
            name: getattr(self, name)
            for name, setting in SETTINGS.items()
            if setting.id_word and getattr(self, name) != DEFAULTS[name]
        }
        if self.drift:
            found["drift"] = [domain.as_dict() for domain in self.domains]
        return found


SETTINGS: Mapping[str, Setting] = {e.name: e.metadata["setting"] for e in fields(StreamSettings)}
"""What is said about each field of `StreamSettings`."""

DEFAULTS: Mapping[str, Any] = {each.name: each.default for each in fields(StreamSettings)}


def require_holdout(holdout: float | None) -> None:
    """Raise `SettingError` for a quantile without held-out images."""
    if not holdout:
        raise SettingError(
            "threshold_quantile", "needs held-out images: set holdout too, such as 0.1"
        )


def settings_in(cell: Mapping[str, Any]) -> dict[str, Any]:
    """The settings among the entries of a record's cell, as keyword arguments."""
    found = {name: cell[name] for name in SETTINGS if name in cell}
    if "drift" in found:
        found["drift"] = tuple(each["name"] for each in found["drift"])
    return found
