"""Patches of skin on a mesh, and their mean colour, straight from the planes of the picture."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.data.planes import Planes
from vidface.vision.yuvcodes import spans_of, yuv_of_rgb, zeros_of

PATCHES: Final[tuple[str, ...]] = (
    "forehead_right",
    "forehead_middle",
    "forehead_left",
    "cheek_right",
    "cheek_left",
)
"""Names, in order; right and left are the person's own."""

_TOP: Final = (103, 67, 109, 10, 338, 297, 332)
_BROWS: Final = (105, 66, 107, 9, 336, 296, 334)
"""Columns of the forehead: near the hair, and on the brows' upper edge."""
_COLUMNS: Final = ((0, 1, 2), (2, 3, 4), (4, 5, 6))
_SHARES: Final = (0.25, 0.78)
"""How far down from the hair to the brows the forehead's patches go."""
_CHEEKS: Final = ((117, 118, 101, 36, 205, 187, 123), (346, 347, 330, 266, 425, 411, 352))
_FAR: Final = 1e6
_LEAST_PX: Final = 24
"""Pixels of luma that a patch needs for a mean."""


def patch_rings(points: Any) -> list[NDArray[np.float64]]:
    """Outlines of `PATCHES` on a face.

    Args:
        points: 478 x 2 or 3; only x and y are read.

    Returns:
        One m x 2 float64 polygon a patch, in the same pixels.
    """
    flat = np.asarray(points, np.float64)[:, :2]
    top, brows = flat[list(_TOP)], flat[list(_BROWS)]
    upper, lower = (top + share * (brows - top) for share in _SHARES)
    rings = [np.concatenate([upper[list(c)], lower[list(c[::-1])]]) for c in _COLUMNS]
    return rings + [flat[list(ring)] for ring in _CHEEKS]


def mean_colours(planes: Planes, rings: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Mean colour within each polygon.

    The mean is taken over the planes as they are and then turned into RGB once: that is the same as the
    mean of RGB, which is a linear function of the planes, and nothing needs to be converted.

    Returns:
        n x 3 float64 RGB, 0..255; NaN where fewer than 24 pixels of a patch lie in the picture.
    """
    means = np.array([_means(planes, ring) for ring in rings]).reshape(-1, 3)
    parts = (means - zeros_of(planes)) / spans_of(planes)
    return 255 * parts @ np.linalg.inv(yuv_of_rgb(planes.matrix)).T


def _means(planes: Planes, ring: NDArray[np.float64]) -> tuple[float, float, float]:
    across, down = planes.subsampling
    luma, count = _mean(planes.luma, ring)
    small = ring / (across, down)
    if count < _LEAST_PX:
        return (np.nan, np.nan, np.nan)
    return luma, _mean(planes.u, small)[0], _mean(planes.v, small)[0]


def _mean(plane: NDArray[Any], ring: NDArray[np.float64]) -> tuple[float, int]:
    """Mean inside a polygon, and of how many samples."""
    end = np.array(plane.shape[::-1])
    low = np.clip(np.floor(ring.min(0)), 0, end).astype(int)
    high = np.clip(np.ceil(ring.max(0)), 0, end).astype(int)
    wide, tall = (high - low).tolist()
    if wide < 1 or tall < 1:
        return np.nan, 0
    mask = np.zeros((tall, wide), np.uint8)
    # fillPoly counts from the centre of the first pixel, in sixteenths.
    corners = np.rint(np.clip(ring - low - 0.5, -_FAR, _FAR) * 16).astype(np.int32)
    cv2.fillPoly(mask, [corners], (1,), shift=4)
    count = int(np.count_nonzero(mask))
    part = np.ascontiguousarray(plane[low[1] : high[1], low[0] : high[0]])
    return (float(cv2.mean(part, mask)[0]), count) if count else (np.nan, 0)
