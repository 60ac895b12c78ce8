"""The network of `vae`: a convolutional variational autoencoder of small images."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from .error_network import ErrorNetwork
from .separable import with_batch_norm

_WIDTHS = (16, 32, 64, 128)
_LEAST = 1e-12


class VariationalAutoencoder(ErrorNetwork):
    """Encodes an image as a Gaussian of codes, and decodes codes as images.

    Predictions are the reconstruction and the mean and log variance of the codes; targets are the
    image and the prior. In evaluation mode the mean is decoded, in training a random code.
    """

    def __init__(self, side: int, code: int, beta: float) -> None:
        """Create the layers.

        Args:
            side: height and width to which images are resized, a multiple of 16.
            code: length of a code.
            beta: weight of the divergence, relative to the sum of squared errors.
        """
        super().__init__()
        self.side, self.code, self.beta = side, code, beta
        self.small = side // 2 ** len(_WIDTHS)
        flat = _WIDTHS[-1] * self.small**2
        self.encoder = nn.Sequential(
            *[
                with_batch_norm(nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False))
                for inputs, outputs in zip((3, *_WIDTHS), _WIDTHS, strict=False)
            ],
            nn.Flatten(),
            nn.Linear(flat, 2 * code),
        )
        widths = _WIDTHS[::-1]
        self.decoder = nn.Sequential(
            nn.Linear(code, flat),
            nn.Unflatten(1, (widths[0], self.small, self.small)),
            *[
                nn.Sequential(
                    nn.Upsample(scale_factor=2),
                    with_batch_norm(nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False)),
                )
                for inputs, outputs in zip(widths, (*widths[1:], widths[-1]), strict=True)
            ],
            nn.Conv2d(widths[-1], 3, 3, 1, 1),
            nn.Sigmoid(),
        )

    def predictions(self, inputs: Tensor) -> list[Tensor]:
        """Reconstructions (B, 3, side, side), means (B, code) and log variances (B, code)."""
        mean, log_variance = self.encoder(resized(inputs, self.side)).chunk(2, 1)
        code = mean
        if self.training:
            code = mean + (log_variance / 2).exp() * torch.randn_like(mean)
        return [self.decoder(code), mean, log_variance]

    def targets(self, inputs: Tensor) -> list[Tensor]:
        """The image at the size of the network, and the standard normal distribution."""
        prior = torch.zeros(len(inputs), self.code, device=inputs.device)
        return [resized(inputs, self.side), prior, prior]

    def errors(self, predictions: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
        """Errors (B, K); their squares sum to the loss.

        The loss is the sum of squared errors and beta times the divergence of the code's Gaussian
        from the target's, both divided by the number of values of an image. The divergence is a sum
        of squares: that of the means, and one per variance.
        """
        image, mean, log_variance = predictions
        wanted, other_mean, other_log_variance = targets
        means = (mean - other_mean) / (other_log_variance / 2).exp() / math.sqrt(2)
        change = log_variance - other_log_variance
        variances = ((change.expm1() - change) / 2).clamp_min(0)
        # The slope of a root at 0 is infinite.
        divergence = torch.cat([means, (variances + _LEAST).sqrt()], 1)
        residuals = (image - wanted).flatten(1)
        joined = torch.cat([residuals, math.sqrt(self.beta) * divergence], 1)
        return joined / math.sqrt(residuals.shape[1])

    def generate(self, count: int) -> Tensor:
        """Images (count, 3, side, side) decoded from random codes, without gradients."""
        with torch.no_grad():
            codes = torch.randn(count, self.code, device=next(self.parameters()).device)
            images: Tensor = self.decoder(codes)
        return images


def resized(images: Tensor, side: int) -> Tensor:
    """Images (B, 3, side, side) of images of any size."""
    if images.shape[2:] == (side, side):
        return images
    return functional.interpolate(
        images, (side, side), mode="bilinear", antialias=True, align_corners=False
    )
