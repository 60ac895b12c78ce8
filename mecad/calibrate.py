"""Calibrate the similarity threshold of a backbone on the built-in synthetic dataset.

Run it with `python -m cadbench.mecad.calibrate`.
"""

from __future__ import annotations

from pathlib import Path

import click

from ..benchmark.data.images.preprocessing import Preprocessing
from ..benchmark.data.opening.open_dataset import open_dataset
from ..benchmark.features.backbones import STRIDES, default_embedding, embedding_params
from ..benchmark.features.feature_set import FeatureSet
from ..benchmark.features.feature_spec import FeatureSpec
from ..benchmark.features.weights import EMBEDDED_BACKBONE, find_weights
from ..benchmark.interface.experience import TrainExperience
from ..benchmark.progress.choose_reporter import choose_reporter
from ..benchmark.running.devices import choose_device
from ..benchmark.services.coresets.service import Coresets
from ..benchmark.system.cache import cache_root
from .threshold import QUANTILE, calibrated_threshold


@click.command()
@click.option("--backbone", default=EMBEDDED_BACKBONE, show_default=True)
@click.option("--embedding", default=None, help="concat or official [default: by backbone]")
@click.option("--weights", "file", type=click.Path(path_type=Path), default=None)
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto")
def main(backbone: str, embedding: str | None, file: Path | None, device: str) -> None:
    """Print the threshold for a backbone, calibrated on the built-in synthetic dataset."""
    reporter = choose_reporter(0)
    cache = cache_root()
    manifest = open_dataset(
        "synthetic", None, None, skip_unreadable=False, cache=cache, reporter=reporter
    )
    embedding = embedding or default_embedding(backbone)
    weights = find_weights(backbone, file)
    spec = FeatureSpec(
        backbone, weights.name, STRIDES, embedding, embedding_params(embedding), Preprocessing()
    )
    chosen = choose_device(device)
    features = FeatureSet(manifest, spec, chosen, cache)
    features.ensure(manifest.categories, weights, reporter, pixels=False)
    coresets = Coresets(chosen, cache)
    sources = {category: features.patches(category, "train") for category in manifest.categories}
    experience = TrainExperience(1, manifest.categories, 0, sources, {})
    centroids = [coresets.centroid(experience, category) for category in manifest.categories]
    click.echo(
        f"{backbone} {embedding}: {calibrated_threshold(centroids):.4f} "
        f"({QUANTILE} quantile over {len(centroids)} categories)"
    )


if __name__ == "__main__":
    main()
