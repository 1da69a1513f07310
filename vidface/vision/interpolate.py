"""Faces between two sightings, and faces carried along with a box that is expected rather than seen."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def between(before: NDArray[Any], after: NDArray[Any], shares: NDArray[Any]) -> NDArray[np.float32]:
    """Straight line from `before` to `after` (n x ... each), at `shares` (n, 0 = before, 1 = after)."""
    share = np.asarray(shares, np.float64).reshape(-1, *([1] * (before.ndim - 1)))
    start = np.asarray(before, np.float64)
    line: NDArray[np.float32] = (start + share * (np.asarray(after, np.float64) - start)).astype(np.float32)
    return line


def carry(landmarks: NDArray[Any], boxes: NDArray[Any], moved: NDArray[Any]) -> NDArray[np.float32]:
    """Move landmarks with their boxes.

    Args:
        landmarks: n x 5 x 2 pixels.
        boxes: n x 4, the boxes that they belong to; a side of 0 keeps its distances in pixels.
        moved: n x 4, where those boxes are now.

    Returns:
        n x 5 x 2, at the same place within the moved boxes.
    """
    old, new = np.asarray(boxes, np.float64), np.asarray(moved, np.float64)
    sides = old[:, 2:] - old[:, :2]
    stretch = np.where(sides > 0, (new[:, 2:] - new[:, :2]) / np.where(sides > 0, sides, 1), 1.0)
    inside = np.asarray(landmarks, np.float64) - old[:, None, :2]
    points: NDArray[np.float32] = (new[:, None, :2] + inside * stretch[:, None]).astype(np.float32)
    return points
