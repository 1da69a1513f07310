"""Thumbnails of the luma plane: enough to see that the scene changed, at a tenth of the cost of scaling."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

THUMBNAIL = 8
"""Times smaller on both axes from which on a picture counts as a thumbnail."""

_SAMPLES = 4  # of the plane, per pixel and axis of the thumbnail
_FULL = np.clip((np.arange(256) - 16) * (255 / 219), 0, 255).round().astype(np.uint8)


def thumbnail(luma: NDArray[np.uint8], size: tuple[int, int], *, full_range: bool) -> NDArray[np.uint8]:
    """Mean of 4 x 4 samples for each pixel.

    Args:
        luma: H x W uint8, the plane as coded.
        size: width and height wanted, an eighth of the plane's or less.
        full_range: the plane spans 0..255; else 16..235, which is stretched.

    Returns:
        height x width uint8, 0..255.
    """
    samples = (size[0] * _SAMPLES, size[1] * _SAMPLES)
    coarse = cv2.resize(luma, samples, interpolation=cv2.INTER_NEAREST)
    small = np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_AREA), np.uint8)
    return small if full_range else _FULL[small]
