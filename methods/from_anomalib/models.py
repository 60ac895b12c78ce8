"""anomalib's models that are fitted without gradients: PaDiM, PatchCore, DFM and DFKDE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...benchmark.interface.params import param
from .adapter import LAYER, AnomalibMethod, AnomalibParams, no_warnings, record_version

if TYPE_CHECKING:
    from torch import nn

_BACKBONE = "resnet18"
"""anomalib requires a backbone; it is created without weights and replaced."""


@dataclass(frozen=True)
class PadimParams(AnomalibParams):
    """anomalib's default for its ResNet18."""

    n_features: int = param(100, "values per patch that are used, chosen at random", low=1)


class Padim(AnomalibMethod[PadimParams]):
    """anomalib's PaDiM on our patches; needs pip install 'cadbench[anomalib]'.

    Source: Defard et al. (ICPR 2020 workshops), as in anomalib. The image score is the maximum
    of the smoothed map; `padim` uses the maximum over patches.
    """

    Params = PadimParams
    version = record_version("1")

    def make(self, images: int) -> nn.Module:
        import torch

        with no_warnings():
            from anomalib.models.image.padim.torch_model import PadimModel

        model = PadimModel(_BACKBONE, ["layer1", "layer2", "layer3"], False, 100)
        count = min(self.params.n_features, self.context.feature_dim)
        model.layers, model.n_features = [LAYER], count
        model.idx = torch.randperm(self.context.feature_dim)[:count]
        return model

    def fit(self, model: Any) -> None:
        model.fit()


@dataclass(frozen=True)
class PatchcoreParams(AnomalibParams):
    """anomalib's defaults."""

    coreset_sampling_ratio: float = param(
        0.1, "share of the patches that the bank stores", above=0, high=1
    )
    num_neighbors: int = param(
        9, "neighbors that reweight the image score; 1: no reweighting", low=1
    )


class Patchcore(AnomalibMethod[PatchcoreParams]):
    """anomalib's PatchCore on our patches; needs pip install 'cadbench[anomalib]'.

    Source: Roth et al. (CVPR 2022), as in anomalib, with the reweighted image score. Its 3 x 3
    pooling is omitted, because our patches are pooled already.
    """

    Params = PatchcoreParams
    version = record_version("1")

    def make(self, images: int) -> nn.Module:
        from torch.nn import Identity

        with no_warnings():
            from anomalib.models.image.patchcore.torch_model import PatchcoreModel

        model = PatchcoreModel(["layer1"], _BACKBONE, False, self.params.num_neighbors)
        model.layers, model.feature_pooler = [LAYER], Identity()
        return model

    def fit(self, model: Any) -> None:
        model.subsample_embedding(self.params.coreset_sampling_ratio)

    def vectors(self) -> int:
        return len(self.fitted["memory_bank"]) if self.fitted else 0


@dataclass(frozen=True)
class DfmParams(AnomalibParams):
    """anomalib's defaults."""

    pca_level: float = param(0.97, "share of the variance that PCA keeps", above=0, high=0.999)
    pooling_kernel_size: int = param(
        4, "side of the squares of patches that are averaged first", low=1
    )


class Dfm(AnomalibMethod[DfmParams]):
    """anomalib's DFM on our patches; needs pip install 'cadbench[anomalib]'.

    Source: Ahuja et al., "Probabilistic Modeling of Deep Features for Out-of-Distribution and
    Adversarial Detection" (2019), as in anomalib: PCA of the pooled feature map; the score is
    the reconstruction error.
    """

    Params = DfmParams
    version = record_version("1")

    def make(self, images: int) -> nn.Module:
        with no_warnings():
            from anomalib.models.image.dfm.torch_model import DFMModel

        params = self.params
        model = DFMModel(_BACKBONE, "layer3", False, params.pooling_kernel_size, params.pca_level)
        model.layer = LAYER
        return model

    def fit(self, model: Any) -> None:
        model.fit()


@dataclass(frozen=True)
class DfkdeParams(AnomalibParams):
    """anomalib's default."""

    n_pca_components: int = param(
        16, "principal components; at most the number of training images minus 1", low=1
    )


class Dfkde(AnomalibMethod[DfkdeParams]):
    """anomalib's DFKDE on our patches; needs pip install 'cadbench[anomalib]'.

    A kernel density of mean patches after PCA. It has no maps, and image scores saturate at 1.
    """

    Params = DfkdeParams
    version = record_version("1")

    def make(self, images: int) -> nn.Module:
        with no_warnings():
            from anomalib.models.image.dfkde.torch_model import DfkdeModel

        components = max(1, min(self.params.n_pca_components, images - 1))
        return DfkdeModel(_BACKBONE, ["layer4"], False, components)

    def fit(self, model: Any) -> None:
        model.fit()
