"""What the cells of a run share: manifests, features, services and pixel meters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..data.domains import Domain
from ..data.drifted_manifest import add_domains
from ..data.manifest import Manifest
from ..features.feature_set import FeatureSet
from ..features.weights import Weights
from ..pixels.maps import MapSpec
from ..streams.contamination import Contamination, contaminate
from ..system.reporting import Reporter
from ..system.torch_import import import_torch
from .cell import Cell, FeatureInputs
from .devices import choose_device
from .evaluation.trial import Services

if TYPE_CHECKING:
    from ..pixels.meter import PixelMeter
    from ..pixels.truth import Truth


def stream_images(
    manifest: Manifest, drift: tuple[Domain, ...], contamination: Contamination | None
) -> Manifest:
    """The images of a stream: those of a dataset, contaminated, and the same under each domain."""
    return add_domains(contaminate(manifest, contamination), drift)


@dataclass
class SharedInputs:
    """The inputs of cells, each made when a cell first needs it.

    Attributes:
        manifest: the images of the dataset.
        cache: the cache folder.
        device: `cpu`, `cuda` or `auto`.
        weights: weights of the backbone.
        reporter: shows progress and messages.
        kept_distance_bytes: bytes of neighbor distances that stay in the cache folder.
        stored: the images with the splits by which the feature cache is divided, where they are
            not those of `manifest`; for choosing parameters on training images.
    """

    manifest: Manifest
    cache: Path
    device: str
    weights: Weights
    reporter: Reporter
    kept_distance_bytes: int = 0
    stored: Manifest | None = None
    _manifests: dict[tuple[tuple[Domain, ...], Contamination | None], Manifest] = field(
        init=False, default_factory=dict, repr=False
    )
    _features: dict[FeatureInputs, FeatureSet] = field(init=False, default_factory=dict, repr=False)
    _services: dict[str, Services] = field(init=False, default_factory=dict, repr=False)
    _meters: dict[tuple[str, MapSpec, int], PixelMeter] = field(
        init=False, default_factory=dict, repr=False
    )

    def images(self, cell: Cell) -> Manifest:
        """The images of the cell's stream: the dataset, and its images under each domain."""
        return self.manifest_of(cell.domains, cell.contamination)

    def manifest_of(
        self, drift: tuple[Domain, ...], contamination: Contamination | None
    ) -> Manifest:
        """The dataset, contaminated, and its images under each domain."""
        key = drift, contamination
        if key not in self._manifests:
            self._manifests[key] = stream_images(self.manifest, drift, contamination)
        return self._manifests[key]

    def extract(self, cell: Cell, columns: Sequence[str]) -> FeatureSet:
        """Extract the features of these columns that are not cached.

        Args:
            cell: a cell that needs them; its method decides whether pixels are cached too.
            columns: columns of R.

        Returns:
            The features of the cell.
        """
        features = FeatureSet(
            self.images(cell),
            cell.features,
            choose_device(self.device),
            self.cache,
            as_published=self.stored or self.manifest_of(cell.domains, None),
        )
        pixels = cell.method_class.uses_images
        features.ensure(columns, self.weights, self.reporter, pixels=pixels)
        return features

    def prepare(self, cell: Cell) -> tuple[FeatureSet, Services]:
        """The features of a cell and the services it uses.

        The features of the first experience are extracted if they are missing; the evaluator
        extracts the others when it needs them, so that the first result is there early.
        """
        import_torch()
        inputs = cell.feature_inputs
        services = self._services_for(cell)
        if inputs not in self._features:
            features = self.extract(cell, cell.stream(self.images(cell)).needed(1, cell.unseen))
            everything = partial(
                features.ensure,
                self.images(cell).columns,
                self.weights,
                self.reporter,
                pixels=cell.method_class.uses_images,
            )
            features.defer(everything)
            self._features[inputs] = features
        return self._features[inputs], services

    def meter(self, cell: Cell, features: FeatureSet) -> PixelMeter:
        """The pixel meter of all cells with the same features, maps and images."""
        from ..pixels.meter import PixelMeter
        from ..pixels.truth import load_truths

        key = cell.features.digest, cell.maps, id(features.manifest)
        if key not in self._meters:

            def load(columns: Sequence[str]) -> Mapping[str, Truth]:
                preprocessing = cell.features.preprocessing
                return load_truths(
                    features.manifest, columns, preprocessing, self.cache, self.reporter
                )

            self._meters[key] = PixelMeter(features, load, cell.maps)
        return self._meters[key]

    def _services_for(self, cell: Cell) -> Services:
        """One set of services per kind of features: distances are cached by image and block."""
        from ..services.coresets.service import Coresets
        from ..services.neighbors.disk_cache import DistanceStore
        from ..services.neighbors.service import Neighbors

        digest = cell.features.digest
        if digest not in self._services:
            device = choose_device(self.device)
            neighbors = Neighbors()
            if self.kept_distance_bytes:
                folder = self.cache / "distances" / digest
                neighbors.store = DistanceStore(folder, self.kept_distance_bytes, self.reporter)
            self._services[digest] = Services(
                Coresets(device, self.cache, self.reporter), neighbors
            )
        return self._services[digest]
