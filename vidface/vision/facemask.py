"""Soft masks of a face in its crop: where a changed face may show, and how much of it.

Everything is in pixels of the crop, the centre of the top-left pixel at (0.5, 0.5).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.vision.meshtopology import FACE_OVAL
from vidface.vision.warpframe import as_3x3

Points = NDArray[np.float64]
"""n x 2, pixels of the crop."""

_CELL: Final = 4
"""Distances to an outline are taken at every fourth pixel."""
_RIM: Final = 1.0
"""Outermost pixels of the crop that no mask reaches: what samples the mask reads its neighbours too."""
_ARC: Final = np.linspace(0, 2 * math.pi, 48, endpoint=False)
_ARC.setflags(write=False)


def outline_of_mesh(points: Any, *, forehead: float = 0.10, grow: float = 0.03) -> Points:
    """Outline of a face from its mesh: convex, m x 2, in the same pixels as the points.

    The hull of the mesh and not its ring `FACE_OVAL`, which folds over in a profile and leaves the nose
    out. The hull's hollows beside a nose in profile are narrower than a usual feather.

    Args:
        points: 478 x 2 or 3; the third column is not looked at.
        forehead: how far the outline goes up beyond the mesh, which ends below the hair, over the
            distance from the mesh's top to the chin.
        grow: how far it goes outwards all around, over the same distance, so that a jaw line lies inside.

    Raises:
        ValueError: a point is not finite.
    """
    flat = np.asarray(points, np.float64)[:, :2]
    if not np.isfinite(flat).all():
        raise ValueError("an outline needs finite points, but some are NaN or infinite")
    top, chin = flat[FACE_OVAL[0]], flat[FACE_OVAL[18]]
    up = top - chin
    high = float(np.hypot(*up))
    along = (flat - chin) @ up / max(high * high, 1e-12)
    # From the eyes up, the more the higher: the jaw keeps its place.
    lifted = flat + forehead * np.clip((along - 0.6) / 0.4, 0, 1)[:, None] * up
    hull = _hull(lifted)
    if grow == 0 or high == 0:
        return hull
    ring = np.stack([np.cos(_ARC), np.sin(_ARC)], -1)[::2] * (grow * high)
    return _hull((hull[:, None] + ring).reshape(-1, 2))


def outline_of_landmarks(landmarks: Any) -> Points:
    """Outline of a face from five landmarks: an egg of 48 points, in the pixels of the landmarks.

    Its proportions are fitted to the hull of the mean face's mesh: 95 % of both areas are common.

    Args:
        landmarks: 5 x 2 in viewer order.

    Raises:
        ValueError: a point is not finite, or eyes and mouth coincide.
    """
    five = np.asarray(landmarks, np.float64).reshape(5, 2)
    eyes, mouth = five[:2].mean(axis=0), five[3:].mean(axis=0)
    across, down = five[1] - five[0], mouth - eyes
    right = across + np.array([down[1], -down[0]])
    length = float(np.hypot(*right))
    if not math.isfinite(length) or length < 1e-6 or not np.isfinite(five).all():
        raise ValueError("an outline needs finite landmarks, with the eyes apart from the mouth")
    right = right / length
    below = np.array((-right[1], right[0]))
    reach = float(np.hypot(across @ right, down @ below))
    middle = (eyes + mouth) / 2
    # Of a face that turns, the nose leads and the middle of the head stays behind.
    lead = float((five[2] - middle) @ right)
    centre = middle - 0.6 * lead * right - 0.08 * reach * below
    # Narrower towards the chin.
    wide = 0.79 * reach * np.cos(_ARC) * (1 - 0.1 * np.sin(_ARC))
    return np.asarray(centre + np.outer(wide, right) + np.outer(0.95 * reach * np.sin(_ARC), below))


def frame_outline(matrix: Any, size: tuple[int, int]) -> Points:
    """Corners of the frame in the crop, 4 x 2.

    Args:
        matrix: 2 x 3, frame to crop.
        size: width and height of the frame in pixels.

    Raises:
        ValueError: the matrix has no inverse.
    """
    wide, high = size
    corners = np.array([(0.0, 0), (wide, 0), (wide, high), (0, high)])
    square = as_3x3(matrix)
    return np.asarray(corners @ square[:2, :2].T + square[:2, 2])


def crop_mask(
    size: int,
    outline: Any,
    *,
    feather: float = 20.0,
    inside: Any = None,
    others: Sequence[Any] = (),
) -> NDArray[np.float32]:
    """How much of a face shows at each pixel of its crop: 0 at the outline and outside, 1 deep inside.

    Rises smoothly (its slope has no step) over `feather` pixels inwards. It falls to 0 in the same way
    before the crop's border, before the frame's edge and around the outlines of nearer faces. Of two
    faces the one with the larger outline is the nearer; where both are about as large (a tenth), each
    takes its share, so that nothing pops when they change places.

    Args:
        size: side of the crop in pixels.
        outline: n x 2, see `outline_of_mesh` and `outline_of_landmarks`; its convex hull counts.
        feather: pixels of the crop over which the mask rises.
        inside: 4 x 2 corners of the frame, see `frame_outline`; None where the crop lies well inside.
        others: outlines of the other faces in this crop's pixels, m x 2 each.

    Returns:
        size x size float32.

    Raises:
        ValueError: an outline is no n x 2 of three finite points or more, or the feather is below 1.
    """
    if feather < 1:
        raise ValueError(f"a mask wants a feather of 1 pixel or more, but got {feather}")
    own = _checked(outline)
    mask = _rise(_depth(own, size), feather)
    rim = np.minimum(np.arange(size), np.arange(size)[::-1]) + 0.5 - _RIM
    edge = _rise(rim, feather)
    mask *= edge[None, :] * edge[:, None]
    if inside is not None:
        _keep_inside(mask, _checked(inside), feather)
    for other in others:
        ring = _checked(other)
        nearer = _share(_area(ring), _area(own))
        if nearer > 0 and _touches(ring, size, feather):
            mask *= 1 - nearer * (1 - _rise(-_depth(ring, size) - np.float32(0.1), feather))
    return mask


def _rise(depth: NDArray[Any], feather: float) -> NDArray[np.float32]:
    """0 up to a depth of 0, 1 from `feather` on, without a step in the slope."""
    t = np.clip(np.asarray(depth, np.float32) * np.float32(1 / feather), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def _depth(ring: Points, size: int) -> NDArray[np.float32]:
    """Pixels from each pixel to a convex outline: the distance where positive (inside), else its bound.

    Of a convex shape this is the least of the distances to its edges' lines. It is taken on a coarse grid:
    what is linear in between never exceeds it, so nothing leaks out, and an outline that moves by a
    fraction of a pixel moves it by as much, which a raster would not.
    """
    ways = np.roll(ring, -1, axis=0) - ring
    lengths = np.hypot(*ways.T)
    if _area(ring) < 1e-6 or not (lengths > 0).any():
        return np.full((size, size), -np.inf, np.float32)
    keep = lengths > 1e-9
    starts, ways = ring[keep], ways[keep] / lengths[keep, None]
    inner = np.stack([-ways[:, 1], ways[:, 0]], -1) * (1.0 if _area(ring, signed=True) > 0 else -1.0)
    cells = -(-size // _CELL) + 1
    grid = np.arange(cells) * float(_CELL)
    # h x n and w x n, added before the least is taken.
    down = grid[:, None] * inner[:, 1] - (starts * inner).sum(axis=1)
    nodes = (down[:, None] + (grid[:, None] * inner[:, 0])[None]).min(axis=2).astype(np.float32)
    to_grid = np.array([(1 / _CELL, 0, 0.5 / _CELL), (0, 1 / _CELL, 0.5 / _CELL)])
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(nodes, to_grid, (size, size), flags=how, borderMode=cv2.BORDER_REPLICATE), np.float32
    )


def _keep_inside(mask: NDArray[np.float32], corners: Points, feather: float) -> None:
    """Fade the mask out before each straight edge of a convex frame."""
    size = len(mask)
    grid = np.arange(size, dtype=np.float32) + np.float32(0.5)
    turning = 1.0 if _area(corners, signed=True) > 0 else -1.0
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        way = (b - a) / max(float(np.hypot(*(b - a))), 1e-12) * turning
        inner = np.array((-way[1], way[0]))
        reach = [(np.array(p) - a) @ inner for p in ((0, 0), (size, 0), (0, size), (size, size))]
        if min(reach) >= feather + _RIM:
            continue
        depth = (grid * np.float32(inner[0]))[None, :] + (grid * np.float32(inner[1]))[:, None]
        mask *= _rise(depth - np.float32(a @ inner + _RIM), feather)


def _share(other: float, own: float) -> float:
    """How much of the place that two faces claim goes to the other: 1/2 where their areas are the same."""
    if own <= 0:
        return 1.0
    t = min(max(other / own, 1e-6), 1e6)
    return float(_rise(np.array(math.log(t) / (2 * math.log(1.1)) + 0.5), 1.0))


def _area(ring: Points, *, signed: bool = False) -> float:
    x, y = ring.T
    twice = float(x @ np.roll(y, -1) - y @ np.roll(x, -1))
    return twice / 2 if signed else abs(twice) / 2


def _touches(ring: Points, size: int, feather: float) -> bool:
    low, high = ring.min(axis=0) - feather, ring.max(axis=0) + feather
    return bool((high > 0).all() and (low < size).all())


def _hull(points: NDArray[np.float64]) -> Points:
    return np.asarray(cv2.convexHull(points.astype(np.float32))[:, 0], np.float64)


def _checked(outline: Any) -> Points:
    ring = np.asarray(outline, np.float64)
    if ring.ndim != 2 or ring.shape[1] != 2 or len(ring) < 3 or not np.isfinite(ring).all():
        raise ValueError(f"an outline wants n x 2 finite points, three or more, but got {ring.shape}")
    return _hull(ring)
