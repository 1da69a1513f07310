"""Where the irises are, seen in the picture: the mesh tells lids well, and irises only roughly.

The iris is the disk of fixed size between the lids that is darkest against what lies around it (as the
integro-differential operator of J. Daugman, PAMI 1993, in the large): found by two masked averages.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.vision.meshtopology import EYE_LEFT, EYE_RIGHT, IRIS_LEFT, IRIS_RIGHT

Array = NDArray[np.float32]
Matrix = NDArray[np.float64]
Cut = Callable[[Matrix, tuple[int, int]], NDArray[np.uint8]]
"""A 2 x 3 matrix from the picture's pixels to a patch's, and width and height -> the patch, RGB."""

_WIDTH: Final = 36
"""Pixels between the corners of an eye in its patch."""
_SIZE: Final = (52, 36)
_RADIUS: Final = 0.195 * _WIDTH
_OPEN: Final = 0.16
"""Eyes that are open less than this, in eye widths, are not looked into."""
_LEAST: Final = 0.35
"""Share of the disk that must be seen between the lids."""
_CONTRAST: Final = 8.0
"""Grey levels by which an iris must be darker than what is around it."""
_FAR: Final = 6.0
"""Grey levels that a way of a fifth of the eye from its middle costs."""
_OWN: Final = 0.6
"""How much an eye counts against the mean of both: they look the same way."""


def with_irises(mesh: Any, cut: Cut) -> Array | None:
    """The mesh with its irises where the picture shows them; None where it does not, as in a blink.

    Args:
        mesh: 478 x 3, pixels of the picture.
        cut: gives patches of the picture, as `Frame.crop`.
    """
    points = np.array(mesh, np.float32)
    matrices = [_matrix_of(points, ring) for ring in (EYE_RIGHT, EYE_LEFT)]
    pairs = [
        (ring, one) for ring, one in zip((EYE_RIGHT, EYE_LEFT), matrices, strict=True) if one is not None
    ]
    seen = [_seen(points, ring, matrix=matrix, cut=cut) for ring, matrix in pairs]
    places = [place for place in seen if place is not None]
    if len(places) < 2:
        return None
    mean = (places[0] + places[1]) / 2
    for ring, iris, place in zip((EYE_RIGHT, EYE_LEFT), (IRIS_RIGHT, IRIS_LEFT), places, strict=True):
        way = mean + _OWN * (place - mean)
        start, end = _corners(points, ring)
        width = float(np.linalg.norm(end - start))
        right = (end - start) / width
        down = np.array([-right[1], right[0]])
        centre = (start + end) / 2 + (way[0] * right + way[1] * down) * width
        points[list(iris), :2] += (centre - points[iris[0], :2]).astype(np.float32)
    return points


def _corners(points: Array, ring: tuple[int, ...]) -> tuple[Any, Any]:
    """Left and right corner as seen."""
    ends = [points[ring[place], :2].astype(np.float64) for place in (0, 8)]
    return (ends[0], ends[1]) if ring is EYE_RIGHT else (ends[1], ends[0])


def _matrix_of(points: Array, ring: tuple[int, ...]) -> Matrix | None:
    """Picture -> patch, the eye level in its middle; None where it is too small or shut."""
    start, end = _corners(points, ring)
    width = float(np.linalg.norm(end - start))
    opening = float(np.linalg.norm(points[ring[4], :2] - points[ring[12], :2]))
    if width < 6 or opening < _OPEN * width:
        return None
    right = (end - start) / width * (_WIDTH / width)
    turn = np.array([right, (-right[1], right[0])])
    return np.column_stack([turn, np.array(_SIZE) / 2 - turn @ ((start + end) / 2)])


def _seen(points: Array, ring: tuple[int, ...], *, matrix: Matrix, cut: Cut) -> NDArray[np.float64] | None:
    """Way of the iris from the middle of the eye, right and down in eye widths; None where not seen."""
    luma = cv2.cvtColor(cut(matrix, _SIZE), cv2.COLOR_RGB2GRAY).astype(np.float32)
    lids = points[list(ring), :2].astype(np.float64) @ matrix[:, :2].T + matrix[:, 2]
    mask = np.zeros(_SIZE[::-1], np.uint8)
    cv2.fillPoly(mask, [np.rint((lids - 0.5) * 16).astype(np.int32)], (1,), cv2.LINE_8, 4)
    open_eye = cv2.erode(mask, np.ones((3, 3), np.uint8)).astype(np.float32)
    disk, ring_around = _kernels()
    inner, inner_share = (cv2.filter2D(one, -1, disk) for one in (luma * open_eye, open_eye))
    outer, outer_share = (cv2.filter2D(one, -1, ring_around) for one in (luma * open_eye, open_eye))
    contrast = outer / np.maximum(outer_share, 1e-3) - inner / np.maximum(inner_share, 1e-3)
    y, x = np.mgrid[0 : _SIZE[1], 0 : _SIZE[0]] + 0.5
    away = np.stack([x - _SIZE[0] / 2, y - _SIZE[1] / 2]) / _WIDTH
    cost = _FAR * ((away[0] / 0.2) ** 2 + (away[1] / 0.12) ** 2) / 2
    able = (
        (inner_share >= _LEAST) & (outer_share >= 0.1) & (np.abs(away[0]) <= 0.34) & (np.abs(away[1]) <= 0.2)
    )
    if not able.any():
        return None
    score = np.where(able, contrast * np.sqrt(np.maximum(inner_share, 0)) - cost, -1e3)
    row, column = np.unravel_index(int(score.argmax()), score.shape)
    if contrast[row, column] < _CONTRAST:
        return None
    # The middle of what scores nearly as well: finer than a pixel, and calm.
    near = np.where(score > score.max() - 0.08 * abs(float(score.max())), 1.0, 0.0)
    near *= (np.abs(x - x[row, column]) <= 3) & (np.abs(y - y[row, column]) <= 3)
    way = np.array([(away[0] * near).sum(), (away[1] * near).sum()]) / near.sum()
    return np.asarray(way, np.float64)


def _kernels() -> tuple[Array, Array]:
    """A disk of the iris' size and a ring around it, each of sum 1."""
    reach = int(1.7 * _RADIUS) + 1
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    away = np.hypot(x, y)
    disk = np.clip(_RADIUS - away + 0.5, 0, 1)
    around = np.clip(1.65 * _RADIUS - away + 0.5, 0, 1) - np.clip(1.1 * _RADIUS - away + 0.5, 0, 1)
    return (disk / disk.sum()).astype(np.float32), (around / around.sum()).astype(np.float32)
