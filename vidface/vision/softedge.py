"""What stands beyond the edge of a picture that does not fill its square: its colours, ever softer."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

_SOFT: Final = 0.07
"""Sigma of the blur far out, in sides of the square."""
_WAY: Final = 0.06
"""The blur is full so many sides beyond the edge."""


def softened(square: Picture, bounds: tuple[float, float, float, float]) -> Picture:
    """A square whose pixels outside of `bounds` repeat the picture's edge, those made soft.

    An edge that is only repeated makes streaks; they look like something that was there. What lies inside
    stays as it is.

    Args:
        square: side x side x 3.
        bounds: left, top, right, bottom of the part that is a picture, pixels.
    """
    side = square.shape[0]
    left, top, right, bottom = bounds
    at = np.arange(side, dtype=np.float32) + np.float32(0.5)
    across, down = np.maximum(left - at, at - right), np.maximum(top - at, at - bottom)
    beyond = np.hypot(np.maximum(across, 0)[None], np.maximum(down, 0)[:, None])
    if not beyond.any():
        return square
    soft: Any = cv2.GaussianBlur(square, (0, 0), _SOFT * side, borderType=cv2.BORDER_REPLICATE)
    share = np.clip(beyond / (_WAY * side), 0, 1)[..., None]
    return np.asarray(np.rint(square + (soft.astype(np.float32) - square) * share), np.uint8)
