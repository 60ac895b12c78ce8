"""Calibrate the similarity thresholds of a backbone on the built-in synthetic dataset.

Run it with `python -m cadbench.mecad.calibrate`.
"""

from __future__ import annotations

from pathlib import Path

import click

from ..benchmark.data.images.preprocessing import Preprocessing
from ..benchmark.data.opening.open_dataset import open_dataset
from ..benchmark.features.backbones import default_embedding, embedding_params
from ..benchmark.features.feature_set import FeatureSet
from ..benchmark.features.feature_spec import FeatureSpec
from ..benchmark.features.networks.layers import default_layers, parse_layers
from ..benchmark.features.weights import EMBEDDED_BACKBONE, find_weights
from ..benchmark.interface.experience import TrainExperience
from ..benchmark.progress.choose_reporter import choose_reporter
from ..benchmark.running.devices import choose_device
from ..benchmark.services.coresets.service import Coresets
from ..benchmark.system.cache import cache_root
from .expert import mean_vector
from .params import MecadParams
from .threshold import QUANTILE, calibrated_threshold


@click.command()
@click.option("--backbone", default=EMBEDDED_BACKBONE, show_default=True)
@click.option("--layers", default=None, help="such as 8,16 or block:5 [default: by backbone]")
@click.option("--embedding", default=None, help="concat, official or tokens [default: by layers]")
@click.option("--weights", "file", type=click.Path(path_type=Path), default=None)
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto")
def main(
    backbone: str, layers: str | None, embedding: str | None, file: Path | None, device: str
) -> None:
    """Print the thresholds for a backbone, calibrated on the built-in synthetic dataset."""
    reporter = choose_reporter(0)
    cache = cache_root()
    manifest = open_dataset(
        "synthetic", None, None, skip_unreadable=False, cache=cache, reporter=reporter
    )
    try:
        chosen_layers = parse_layers(layers.split(",")) if layers else default_layers(backbone)
    except ValueError as error:
        raise click.UsageError(f"--layers: {error}") from None
    embedding = embedding or default_embedding(backbone, chosen_layers)
    weights = find_weights(backbone, file)
    spec = FeatureSpec(
        backbone,
        weights.name,
        chosen_layers,
        embedding,
        embedding_params(embedding),
        Preprocessing(),
    )
    chosen = choose_device(device)
    features = FeatureSet(manifest, spec, chosen, cache)
    features.ensure(manifest.categories, weights, reporter, pixels=False)
    coresets = Coresets(chosen, cache)
    sources = {category: features.patches(category, "train") for category in manifest.categories}
    experience = TrainExperience(1, manifest.categories, 0, sources, {})
    names = manifest.categories
    patches = [coresets.centroid(experience, name) for name in names]
    size = MecadParams().class_budget
    means = [mean_vector([coresets.select(experience, name, size)]) for name in names]
    found = {
        "patches": calibrated_threshold(patches),
        "mixed": calibrated_threshold(patches, means),
        "coresets": calibrated_threshold(means),
    }
    for compared, threshold in found.items():
        click.echo(
            f"{backbone} {embedding}, {compared}: {threshold:.4f} "
            f"({QUANTILE} quantile over {len(names)} categories)"
        )


if __name__ == "__main__":
    main()
