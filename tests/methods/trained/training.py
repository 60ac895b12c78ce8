"""Trained methods on the mock stream, as the tests of this folder use them."""

from __future__ import annotations

import numpy as np
from cadbench.methods.trained import crad, feature_ae, rd4ad, stfpm, vae
from cadbench.methods.trained.strategies import strategies_of
from cadbench.methods.trained.transformers import moead, uniad

DETECTORS = (
    (crad, "CRAD"),
    (feature_ae, "FeatureAE"),
    (moead, "MoEAD"),
    (rd4ad, "RD4AD"),
    (stfpm, "STFPM"),
    (uniad, "UniAD"),
    (vae, "VAE"),
)
CLASSES = {
    f"{module.__name__.rsplit('.', 1)[1]}+{name}": getattr(module, f"{base}{each.base.__name__}")
    for module, base in DETECTORS
    for name, each in strategies_of(getattr(module, base)).items()
}
BUFFERED = ("replay", "agem", "mir", "gss", "derpp")
QUICK = {
    "crad": {"epochs": 1, "batch_size": 2},
    "feature_ae": {"epochs": 3, "batch_size": 2},
    "stfpm": {"epochs": 1, "batch_size": 2, "lr": 0.1},
    "moead": {"epochs": 2, "width": 4, "feedforward": 4},
    "rd4ad": {"epochs": 1, "batch_size": 2},
    "uniad": {"epochs": 2, "width": 4, "feedforward": 4},
    "vae": {"epochs": 1, "batch_size": 2, "side": 16, "code": 4},
}


def built(stream, name, **params):
    kind = CLASSES[name]
    return stream.build(kind, stream.resolved(kind, **{**QUICK[name.split("+")[0]], **params}))


def taught(stream, name, count=2, schedule="1x*", **params):
    """The method after the first `count` experiences."""
    method = built(stream, name, **params)
    shown = stream.experiences(schedule, images=method.uses_images)
    for experience, _ in zip(shown, range(count), strict=False):
        method.observe(experience)
    return method


def parameters(method):
    return {name: value.detach().numpy() for name, value in method.network.named_parameters()}


def distance(one, other):
    """Between the parameters of two networks."""
    mine, theirs = parameters(one), parameters(other)
    return sum(float(np.square(mine[name] - theirs[name]).sum()) for name in mine) ** 0.5


def first_batch(stream, method):
    """The first test batch, with images if the method uses them."""
    return next(iter(stream.test_batches(images=method.uses_images)))[1]


def training_patches(stream, category):
    source = stream.features.patches(category, "train")
    return source.read(range(len(source.ids)))
