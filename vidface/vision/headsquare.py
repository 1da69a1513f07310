"""Squares around heads, upright, as large as a portrait shows them: of one picture, and of a whole clip."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

ROOM: Final = 2.3
"""Side of the square over the height of the mesh, brow to chin."""
RISE: Final = 0.1
"""The square's middle lies so many heights of the mesh above the mesh's, for the hair."""
_REACH: Final = 1.35
"""Side of a clip's square over all that the mesh covers in it, at least."""


def square_around(mesh: Any, side: int) -> Matrix:
    """2 x 3 from a picture's pixels to a square of `side` pixels around the head of a mesh in it."""
    points = np.asarray(mesh, np.float64)[:, :2]
    low, high = points.min(axis=0), points.max(axis=0)
    height = float(high[1] - low[1])
    room = ROOM * max(height, 0.8 * float(high[0] - low[0]), 1.0)
    return _square((low + high) / 2 - (0, RISE * height), room, side)


def square_around_all(meshes: Any, side: int) -> Matrix:
    """2 x 3 to a square that stays and holds the head in every frame of a clip; n x k x 2 or 3 points."""
    points = np.asarray(meshes)[..., :2]
    height = float(np.median(np.ptp(points[..., 1], axis=1)))
    low, high = points.min((0, 1)), points.max((0, 1))
    room = max(ROOM * height, _REACH * float((high - low).max()))
    return _square((low + high) / 2 - (0, RISE * height), room, side)


def _square(middle: NDArray[Any], room: float, side: int) -> Matrix:
    scale = side / room
    return np.column_stack([np.eye(2) * scale, side / 2 - scale * middle])
