"""The contrastive loss of UCAD: patches of one region attract, patches of different ones repel."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def contrastive_loss(features: Tensor, segments: Tensor, temperature: float) -> Tensor:
    """Return the mean over all pairs of patches of each image.

    With the scaled cosine s of two patches, a pair of one region costs -s, and a pair of different
    regions costs exp(s). A patch forms a pair with itself.

    Args:
        features: (B, P, D) patch embeddings.
        segments: (B, P) number of the region of each patch.
        temperature: divides the cosines.
    """
    normalized = functional.normalize(features, dim=2)
    similarity = normalized @ normalized.transpose(1, 2) / temperature
    same = segments[:, :, None] == segments[:, None, :]
    return torch.where(same, -similarity, similarity.exp()).mean()
