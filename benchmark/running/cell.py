"""The cell: one method, parameters, order and seed on one protocol; the unit of work and reuse."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from ...results.errors import UsageError
from ...results.records.schema import RECORD_SCHEMA, CellEntry, cell_key
from ...results.validation import convert
from ..data.domains import Domain
from ..data.images.preprocessing import Preprocessing
from ..data.manifest import Manifest
from ..features.feature_spec import FeatureSpec
from ..interface.method import CellFacts, Method
from ..interface.params import Params, specs
from ..pixels.maps import MapSpec
from ..plugins.class_methods import resolve_params
from ..plugins.methods import load_method
from ..plugins.requirements import check_stream
from ..protocols.ids import ProtocolSettings, check_id, is_reserved
from ..streams.contamination import Contamination
from ..streams.orders import Order
from ..streams.settings import StreamSettings, settings_in
from ..streams.stream import Stream
from ..system.reporting import Kind


class FeatureInputs(NamedTuple):
    """The settings that select a cell's cached features; cells with equal settings share them.

    Attributes:
        features: digest of the feature spec.
        pixels: whether the method needs images too.
        drift: the domains of the stream.
        contamination: how training sets are contaminated; None if they are not.
    """

    features: str
    pixels: bool
    drift: tuple[Domain, ...]
    contamination: Contamination | None


@dataclass(frozen=True)
class TunedParams:
    """How some parameters of a cell were chosen without test images (`--tune`).

    Attributes:
        params: name of each chosen parameter and the values that it was chosen from.
        on: protocol of the training images that were used.
        manifest: hash of the manifest of these images, those with drawn defects included.
        drawing: version of the drawn defects.
    """

    params: tuple[tuple[str, tuple[Any, ...]], ...]
    on: str
    manifest: str
    drawing: int

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**vars(self), "params": {name: list(values) for name, values in self.params}}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TunedParams:
        """Restore what `as_dict` returned."""
        params = tuple((name, tuple(tried)) for name, tried in values["params"].items())
        return cls(**{**values, "params": params})


@dataclass(frozen=True, kw_only=True)
class Cell(StreamSettings):
    """An independent, serializable unit of work. Its key is the hash of `as_dict`.

    Its schedule is resolved.

    Attributes:
        dataset: name of the dataset.
        manifest: hash of the manifest of its images.
        order: order of the categories.
        features: backbone, embedding and preprocessing.
        maps: how anomaly maps are upsampled and smoothed.
        method: name of the method.
        params: its parameters, resolved.
        seed: seed of the method's random generators.
        protocol_id: id that a protocol file chose; None if the settings generate it.
        tuned: how some of the parameters were chosen; None if the user gave them.
        swept: names of the parameters that vary among the cells of one run; only `label` uses
            them.
    """

    dataset: str
    manifest: str
    order: Order
    features: FeatureSpec
    maps: MapSpec
    method: str
    params: Params
    seed: int
    protocol_id: str | None = None
    tuned: TunedParams | None = None
    swept: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if type(self.seed) is not int or self.seed < 0:
            raise UsageError(f"a cell's seed must be a whole number from 0, not {self.seed!r}")
        check_stream(self.method, self.method_class, self)
        if self.protocol_id is not None:
            check_id(self.protocol_id, self._settings)
            if self.protocol_id == self._settings.generated_id:
                object.__setattr__(self, "protocol_id", None)

    @property
    def method_class(self) -> type[Method]:
        """The class of the method."""
        return load_method(self.method)

    @property
    def protocol(self) -> str:
        """The versioned protocol id, such as `mvtec-1x15-224-oracle@1`."""
        return self.protocol_id or self._settings.generated_id

    @property
    def key(self) -> str:
        """SHA-256 of the canonical JSON: equal keys mean the same work."""
        return cell_key(self.as_dict())

    @property
    def feature_inputs(self) -> FeatureInputs:
        """The settings that select the cached features that the cell reads."""
        images = self.method_class.uses_images
        return FeatureInputs(self.features.digest, images, self.domains, self.contamination)

    @property
    def contamination(self) -> Contamination | None:
        """How training sets are contaminated; the seed of the cell chooses the images."""
        return None if self.contaminate is None else Contamination(self.contaminate, self.seed)

    @property
    def facts(self) -> CellFacts:
        """The facts from which the method resolves its parameters."""
        names = tuple(sorted(self.order.categories))
        spec = self.features
        return CellFacts(spec.backbone, spec.embedding, len(names), names, spec.layers)

    def stream(self, manifest: Manifest) -> Stream:
        """The stream of the cell.

        Args:
            manifest: its images, with its domains.
        """
        return Stream(manifest, self.order, self.schedule, self.domains, self.blend, self.holdout)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values, as in a record's run.json."""
        return {
            "schema": RECORD_SCHEMA,
            "protocol": self.protocol,
            "dataset": self.dataset,
            "manifest": self.manifest,
            "order": {"name": self.order.name, "categories": list(self.order.categories)},
            "schedule": self.schedule,
            "preprocessing": self.features.preprocessing.as_dict(),
            "maps": self.maps.as_dict(),
            "routing": self.routing,
            "unseen": self.unseen,
            "features": self.features.as_dict(),
            "method": {
                "name": self.method,
                "version": self.method_class.version,
                "params": self.params.as_dict(),
            },
            "seed": self.seed,
            # Omitted at their defaults: keys written before these fields existed stay valid.
            **self.optional_entries(),
            **({} if self.tuned is None else {"tuned": self.tuned.as_dict()}),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str = "cell") -> Cell:
        """Restore the cell that `as_dict` wrote.

        Args:
            values: what `as_dict` returned, also after a round trip through JSON.
            where: what the values were read from, for messages.

        Raises:
            UsageError: an entry is missing, wrong, or of another version of cadbench or the method.
        """
        entry = convert(values, CellEntry, where)
        method = load_method(entry["method"]["name"])
        try:
            params = method.Params(**entry["method"]["params"])
        except TypeError as error:
            raise UsageError(f"{where}: method.params: {error}") from None
        cell = cls(
            **settings_in(entry),
            dataset=entry["dataset"],
            manifest=entry["manifest"],
            order=Order(entry["order"]["name"], tuple(entry["order"]["categories"])),
            features=convert(
                entry["features"],
                FeatureSpec,
                f"{where}: features",
                preprocessing=Preprocessing(**entry["preprocessing"]),
            ),
            maps=MapSpec(**entry["maps"]),
            method=entry["method"]["name"],
            params=params,
            seed=entry["seed"],
            tuned=TunedParams.from_dict(entry["tuned"]) if "tuned" in entry else None,
        )
        cell = replace(cell, params=resolve_params(cell.method, method, cell.params, cell.facts))
        if not is_reserved(entry["protocol"]):
            cell = replace(cell, protocol_id=entry["protocol"])
        restored = cell.as_dict()
        if restored != values:
            differing = [name for name in restored if restored[name] != values.get(name)]
            raise UsageError(
                f"{where}: {', '.join(differing) or 'unknown entries'} differ: a cell of "
                f"{cell.method} from another version of cadbench or of the method; create the "
                "cells again with this version"
            )
        return cell

    def label(self) -> str:
        """Such as `mecad experts=5, alphabetical, seed 0`; omits defaults that are not swept."""
        default = self._default_params()
        named = [
            f"{spec.name}={spec.show(getattr(self.params, spec.name))}"
            for spec in specs(type(self.params))
            if spec.name in self.swept
            or getattr(self.params, spec.name) != getattr(default, spec.name)
        ]
        dirty = "" if self.contaminate is None else f", contaminate {self.contaminate:g}"
        tuned = ", tuned" if self.tuned else ""
        words = " ".join([self.method, *named])
        return f"{words}, {self.order.name}, seed {self.seed}{dirty}{tuned}"

    @property
    def kind(self) -> Kind:
        """The method and its parameters: cells of one kind take about the same time."""
        return self.method, repr(self.params)

    @property
    def _settings(self) -> ProtocolSettings:
        return ProtocolSettings(
            **self.stream_settings(),
            dataset=self.dataset,
            preprocessing=self.features.preprocessing,
            maps=self.maps,
        )

    def _default_params(self) -> Params:
        method = self.method_class
        try:
            return resolve_params(self.method, method, method.Params(), self.facts)
        except UsageError:  # a default that these features do not have, such as a threshold
            return method.Params()


def name_swept_parameters(cells: Sequence[Cell]) -> list[Cell]:
    """Set `swept` of each cell to the parameters that differ among the cells of its method."""
    values: dict[tuple[str, str], set[Any]] = defaultdict(set)
    for cell in cells:
        for spec in specs(type(cell.params)):
            values[cell.method, spec.name].add(getattr(cell.params, spec.name))
    swept: dict[str, tuple[str, ...]] = defaultdict(tuple)
    for (method, name), different in values.items():
        if len(different) > 1:
            swept[method] += (name,)
    return [replace(cell, swept=cell.swept or swept[cell.method]) for cell in cells]
