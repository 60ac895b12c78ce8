"""The colors of anomaly maps in the report and in overlays."""

from __future__ import annotations

import numpy as np


def heat_range(maps: np.ndarray) -> tuple[float, float]:
    """Return the values of the darkest and the brightest color for some maps (n, h, w)."""
    low, high = np.quantile(np.asarray(maps, dtype=np.float32), [0.01, 0.999])
    return float(low), float(high)


def heat_colors(values: np.ndarray, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """Color a map.

    Args:
        values: (H, W).
        low, high: the range of the colors.

    Returns:
        Colors (H, W, 3) uint8, and each value's share (H, W) of the range, 0 to 1.
    """
    from matplotlib import colormaps

    share = np.clip((values - low) / max(high - low, 1e-12), 0, 1)
    return (colormaps["inferno"](share)[..., :3] * 255).astype(np.uint8), share
