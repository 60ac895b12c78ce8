"""The `cadbench run` command that computes the runs of a row."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from ....results.analysis.rows import Row, number_ranges, plain
from ...data.images.preprocessing import Preprocessing
from ...data.opening.open_dataset import dataset_option_of_record
from ...data.opening.registry import has_reader, published_categories
from ...features.backbones import STRIDES, default_embedding
from ...features.weights import PACKAGED
from ...streams.settings import DEFAULTS, settings_in


def run_command(row: Row, defaults: Mapping[str, Any]) -> str:
    """Return the command; a folder of images has the name that the records give it.

    Args:
        row: the row.
        defaults: the default parameters of its method.
    """
    cell, method = row.first.cell, row.first.method
    dataset, features = cell["dataset"], cell["features"]
    option = dataset_option_of_record(dataset)
    words = ["cadbench", "run", "--dataset", option]
    words += ["--data-root", dataset] if option == "folder" else []
    categories = sorted(cell["order"]["categories"])
    if has_reader(dataset) and categories != sorted(published_categories(dataset)):
        words += ["--categories", ",".join(categories)]
    for name, value in settings_in(cell).items():
        usual = f"1x{len(categories)}" if name == "schedule" else DEFAULTS[name]
        if value != usual:
            text = ",".join(value) if isinstance(value, tuple) else plain(value)
            words += [f"--{name.replace('_', '-')}", text]
    size = Preprocessing(**cell["preprocessing"])
    words += ["--image-size", str(size.crop)] if size.crop != Preprocessing().crop else []
    words += ["--resize", size.mode] if size.mode != "crop" else []
    if cell["maps"]["sigma"] != 4:
        words += ["--map-sigma", plain(cell["maps"]["sigma"])]
    words += ["--backbone", features["backbone"]]
    words += ["--random-weights"] if str(features["weights"]).startswith("random:") else []
    if features["layers"] != list(STRIDES):
        words += ["--layers", ",".join(map(str, features["layers"]))]
    if features["embedding"] != default_embedding(features["backbone"], features["layers"]):
        words += ["--embedding", features["embedding"]]
    words += ["--method", method]
    tuned = cell.get("tuned", {}).get("params", {})
    for name, value in row.first.params.items():
        if name in tuned:
            words += ["--tune", f"{method}.{name}={','.join(map(plain, tuned[name]))}"]
        elif name not in defaults or defaults[name] != value:
            words += ["--set", f"{method}.{name}={plain(value)}"]
    words += ["--order", ",".join(row.orders), "--seeds", number_ranges(row.seeds)]
    weights = str(features["weights"])
    found_anywhere = features["backbone"] in PACKAGED or weights.startswith("random:")
    return shlex.join(words) + f"  # weights: SHA-256 {weights[:16]}" * (not found_anywhere)
