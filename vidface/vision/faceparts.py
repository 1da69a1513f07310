"""The inside and the outside of a face, each without the other, for an embedder to look at.

The hull of the mesh parts them: what a face swap replaces lies inside, hair, ears, neck and the rim of the
jaw outside. What is taken away is filled with one grey, so that nothing of it is left to be recognised.
"""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

_GREY: Final = 127.0
_SOFT: Final = 0.035
"""Sigma of the mask's edge over the crop's side: an edge as sharp as a knife is a feature of its own."""

OUTSIDE_ZOOM: Final = 0.75
"""The outside is looked at in a crop that reaches a third farther than the embedder's own, for the hair."""


def hull_mask(outline: Any, size: int, *, grow: float = 0.0) -> NDArray[np.float32]:
    """How much of each pixel lies inside of a face: size x size float32 in [0, 1], soft at the edge.

    Args:
        outline: n x 2 points in pixels of the crop; their convex hull counts.
        size: side of the crop.
        grow: how far the hull is pushed outwards from its centre, as a share of its radius.

    Raises:
        ValueError: fewer than three points, or one that is not finite.
    """
    ring = np.asarray(outline, np.float64)[:, :2]
    if len(ring) < 3 or not np.isfinite(ring).all():
        raise ValueError(f"a hull wants three finite points or more, but got {ring.shape}")
    ring = ring + grow * (ring - ring.mean(axis=0))
    # An eighth of a pixel; OpenCV counts from the middle of the first pixel.
    hull = cv2.convexHull(np.round((np.clip(ring, -size, 2 * size) - 0.5) * 8).astype(np.int32))
    mask = np.zeros((size, size), np.float32)
    cv2.fillConvexPoly(mask, hull, (1.0,), cv2.LINE_8, 3)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), _SOFT * size), np.float32)


def only(crop: Any, mask: Any) -> NDArray[np.uint8]:
    """A crop (h x w x 3 uint8) where the mask is 1, grey where it is 0."""
    share = np.asarray(mask, np.float32)[:, :, None]
    mixed = np.asarray(crop, np.float32) * share + np.float32(_GREY) * (1 - share)
    return np.asarray(np.clip(mixed + 0.5, 0, 255), np.uint8)
