"""Face crops for restoration: the pixels as they are around a face, and the aligned crop made of them.

Bicubic where the face is smaller than the crop (a bilinear crop of a small face is softer than need be), and
low-passed first where it is larger.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.data.frame import Frame

Matrix = NDArray[np.float64]
_ALIASES: Final = 1.05
_MARGIN: Final = 3


class Region(NamedTuple):
    """A piece of a frame as it is.

    Attributes:
        pixels: h x w x 3 uint8 RGB.
        left, top: its place in the frame.
    """

    pixels: NDArray[np.uint8]
    left: int
    top: int

    def matrix(self, to_crop: Matrix) -> Matrix:
        """Frame -> crop as region -> crop."""
        moved = to_crop.copy()
        moved[:, 2] += to_crop[:, :2] @ (self.left, self.top)
        return moved


def region_of(frame: Frame, to_crop: Matrix, side: int) -> Region | None:
    """The pixels that a crop of `side` shows, cut at the frame's edge; None where it shows none.

    Args:
        to_crop: 2 x 3, frame pixels to crop pixels.
    """
    corners = np.array([(0.0, 0), (side, 0), (0, side), (side, side)])
    seen = (corners - to_crop[:, 2]) @ np.linalg.inv(to_crop[:, :2]).T
    low = np.maximum(np.floor(seen.min(0)) - _MARGIN, 0).astype(int)
    high = np.minimum(np.ceil(seen.max(0)) + _MARGIN, frame.size).astype(int)
    wide, tall = (high - low).tolist()
    if wide < 1 or tall < 1:
        return None
    shift = np.array([(1, 0, -low[0]), (0, 1, -low[1])], np.float64)
    return Region(frame.crop(shift, (wide, tall)), int(low[0]), int(low[1]))


def aligned(pixels: NDArray[Any], matrix: Matrix, side: int) -> NDArray[Any]:
    """The aligned crop; beyond the pixels their edge goes on.

    Args:
        pixels: h x w x 3.
        matrix: 2 x 3, these pixels to crop pixels.
    """
    shrink = 1 / scale_of(matrix)
    if shrink > _ALIASES:
        pixels = cv2.GaussianBlur(pixels, (0, 0), 0.5 * math.sqrt(shrink**2 - 1))
    shift = matrix.copy()
    shift[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    size = (side, side)
    out: NDArray[Any] = cv2.warpAffine(
        pixels, shift, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return out


def scale_of(matrix: Matrix) -> float:
    """Target pixels per source pixel of a similarity."""
    return float(math.sqrt(abs(np.linalg.det(matrix[:, :2]))))


def steady_landmarks(
    times: Sequence[float], points: Sequence[NDArray[Any]], now: float, width_s: float
) -> Matrix:
    """Landmarks at a moment, from those around it: a local straight line with Gaussian weights.

    A mean would lag behind a moving head where only the past is known; a line does not (local linear
    regression, Cleveland 1979).

    Args:
        times: n seconds. points: n times 5 x 2. now: the moment. width_s: sigma of the weights; 0 takes the
            nearest points as they are.
    """
    rows = np.stack([np.asarray(one, np.float64) for one in points])
    away = np.asarray(times, np.float64) - now
    if width_s <= 0 or len(rows) == 1:
        nearest: Matrix = rows[int(np.abs(away).argmin())]
        return nearest
    weight = np.exp(-0.5 * (away / width_s) ** 2)
    weight /= weight.sum()
    centre = weight @ away
    spread = weight @ (away - centre) ** 2
    mean = np.tensordot(weight, rows, 1)
    if spread < 1e-12:
        return np.asarray(mean)
    slope = np.tensordot(weight * (away - centre), rows, 1) / spread
    return np.asarray(mean - centre * slope)
