"""Faces seen from afar: aligned crops brought down to few pixels and up again."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def seen_at(crops: NDArray[Any], side: int) -> NDArray[np.uint8]:
    """Crops as they look when only `side` x `side` pixels of them were seen.

    Area averaging down, bicubic up to the size they had: the usual way to test recognition at low
    resolution. Crops that are no larger than `side` stay as they are.

    Args:
        crops: n x size x size x 3 uint8.
        side: pixels, 1 or more.

    Raises:
        ValueError: another shape, or a side below 1.
    """
    pictures = np.asarray(crops)
    if pictures.ndim != 4 or pictures.shape[1] != pictures.shape[2] or pictures.dtype != np.uint8 or side < 1:
        raise ValueError(
            "wanted n x size x size x 3 uint8 crops and a side of 1 or more, but got "
            f"{pictures.shape} {pictures.dtype} and {side}"
        )
    size = pictures.shape[1]
    if side >= size or not len(pictures):
        return pictures
    small = (cv2.resize(one, (side, side), interpolation=cv2.INTER_AREA) for one in pictures)
    return np.stack([cv2.resize(one, (size, size), interpolation=cv2.INTER_CUBIC) for one in small])
