"""How a field of places goes on around a face: the head follows the rim, the picture's border stays."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.vision.meshtopology import FACE_OVAL

Array = NDArray[np.float32]
Bounds = tuple[float, float, float, float]
"""Left, top, right, bottom of a picture, pixels."""

_STEP: Final = 4
"""The motion around a face is smooth, so it is worked out on a grid of every so many pixels."""
_RIM: Final = np.array([FACE_OVAL[i % 36] for i in range(-9, 10)])
"""The rim of the face without the jaw, which does not move with the skull."""
_HEAD: Final = 1.15
"""The head, less its hair, within so many times the outline of the face about its middle."""
_HAIR: Final = 0.35
"""How far the hair reaches beyond that, inter-ocular distances upwards."""
_SHOULDERS: Final = 1.6
"""Shoulders stay: inter-ocular distances below the chin."""
_CALM: Final = 0.45
"""Way in inter-ocular distances over which the motion of the outline gives way to that of the head."""


def head_motion(
    source: Array, target: Array, *, unit: float, size: tuple[int, int], bounds: Bounds | None = None
) -> Array:
    """Where the pixels around a face come from, by the motion of its rim alone.

    Within the head that is the affine map of the rim; from there to the border of the picture, or to the
    shoulders, the way falls to nothing in proportion to the distances.

    Args:
        source, target: 478 x 3 pixels.
        unit: inter-ocular distance in the target, pixels.
        size: width and height.
        bounds: the part in which there is a picture; None for all.

    Returns:
        h x w x 2 float32: places less the pixel's own.
    """
    wide, high = size
    x, y = (np.arange(_STEP / 2, n + _STEP, _STEP).astype(np.float32) for n in (wide, high))
    rim = target[_RIM, :2]
    system = np.column_stack([rim, np.ones(len(rim))]).astype(np.float64)
    affine = np.linalg.lstsq(system, source[_RIM, :2].astype(np.float64), rcond=None)[0]
    affine[:2] -= np.eye(2)
    grid = np.dstack(np.meshgrid(x, y))
    way = grid @ affine[:2].astype(np.float32) + affine[2].astype(np.float32)
    away = _outside(target, unit, (len(x), len(y)))
    shoulders = max(float(target[152, 1]), float(rim[:, 1].max())) + _SHOULDERS * unit
    left, top, right, bottom = bounds or (0, 0, wide, high)
    to_side = np.minimum(grid[..., 0] - left, right - grid[..., 0])
    to_level = np.minimum(grid[..., 1] - top, min(bottom, shoulders) - grid[..., 1])
    room = np.maximum(np.minimum(to_side, to_level), 0)
    coarse = way * (room / np.maximum(room + away, 1e-3))[..., None]
    full = cv2.resize(coarse, (len(x) * _STEP, len(y) * _STEP), interpolation=cv2.INTER_LINEAR)
    return np.asarray(full[:high, :wide], np.float32)


def spread(
    places: Array, known: NDArray[np.bool_], around: Array, *, reach: float, bounds: Bounds | None = None
) -> Array:
    """Places everywhere: as given where known, and from there on without a seam towards `around`.

    Args:
        places: h x w x 2, read where known.
        known: h x w.
        around: h x w x 2, ways (places less the pixel's own) far from what is known.
        reach: inter-ocular distance, pixels.
        bounds: see `head_motion`.
    """
    high, wide = known.shape
    x, y = (np.arange(n, dtype=np.float32) + np.float32(0.5) for n in (wide, high))
    own = np.dstack(np.meshgrid(x, y))
    base = own + around
    if not known.any():
        return np.asarray(base, np.float32)
    away, label = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    numbers = label[known]
    table = np.zeros((int(label.max()) + 1, 2), np.float32)
    table[numbers] = (places - base)[known]
    rest = table[label]
    width = 2 * int(0.2 * reach) + 3
    soft = cv2.blur(cv2.blur(rest, (width, width)), (width, width))
    blend = np.minimum(away * np.float32(1 / max(2.0, 0.25 * reach)), 1)[..., None]
    room = _to_border(wide, high, bounds)
    fade = np.exp(-((away * np.float32(1 / (_CALM * reach))) ** 2))
    # All of it at the outline wherever that lies; none at the border.
    fade *= np.minimum(np.float32(2.5) * room / (room + away), 1)
    whole = base + (rest + (soft - rest) * blend) * fade[..., None]
    whole[known] = places[known]
    return np.asarray(whole, np.float32)


def _outside(target: Array, unit: float, size: tuple[int, int]) -> Array:
    """Distance in pixels from the head, on the coarse grid."""
    oval = target[list(FACE_OVAL), :2].astype(np.float64)
    middle = oval.mean(axis=0)
    grown = middle + _HEAD * (oval - middle)
    up = target[10, :2] - target[152, :2]
    up = up / max(1e-3, float(np.linalg.norm(up)))
    hair = grown[[*range(7), *range(30, 36)]] + _HAIR * unit * up
    hull = cv2.convexHull(np.concatenate([grown, hair]).astype(np.float32))[:, 0]
    picture = np.ones((size[1], size[0]), np.uint8)
    cv2.fillConvexPoly(picture, np.rint((hull / _STEP - 0.5) * 16).astype(np.int32), 0, cv2.LINE_8, 4)
    if picture.all():
        return np.zeros((size[1], size[0]), np.float32)
    return np.asarray(cv2.distanceTransform(picture, cv2.DIST_L2, 5) * _STEP, np.float32)


def _to_border(wide: int, high: int, bounds: Bounds | None) -> Array:
    """Distance to the picture's border, pixels, hardly above 0 beyond it."""
    left, top, right, bottom = bounds or (0, 0, wide, high)
    x, y = (np.arange(n, dtype=np.float32) + np.float32(0.5) for n in (wide, high))
    near = np.minimum(np.minimum(x - left, right - x)[None], np.minimum(y - top, bottom - y)[:, None])
    return np.asarray(np.maximum(near, 0.1), np.float32)
