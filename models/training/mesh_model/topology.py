"""What follows from the order of the 478 points: which mirrors which, and the triangles between them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial import Delaunay, cKDTree
from scipy.spatial.distance import cdist

from vidface.vision.meshtopology import EYE_LEFT, EYE_RIGHT, FACE_OVAL, LIPS_INNER
from vidface.vision.rigid import fit_similarity

Array = NDArray[np.float64]

SKIN = 468
"""The points after these are the irises."""
CORNERS = ((33, 133), (362, 263))
"""Outer and inner corner of the person's right eye, inner and outer corner of the left one."""


def interocular(points: Array) -> Array:
    """n x 478 x 3 -> n distances between the middles of each eye's corners."""
    right, left = (points[:, list(pair)].mean(axis=1) for pair in CORNERS)
    return np.linalg.norm(left - right, axis=1)


def mirror_pairs(shape: Array, rounds: int = 5) -> NDArray[np.int64]:
    """For each point the one that takes its place in a mirror, found on a roughly frontal mean shape.

    The mirror image is laid over the shape and points are paired at the least total squared distance.

    Raises:
        ValueError: the pairing is not its own inverse, so the shape is too crooked.
    """
    flipped = shape * (-1, 1, 1)
    laid = flipped - flipped.mean(axis=0) + shape.mean(axis=0)
    for _ in range(rounds):
        _, pairs = linear_sum_assignment(cdist(shape, laid) ** 2)
        laid = fit_similarity(flipped[pairs], shape[None]).apply(flipped)[0]
    if not np.array_equal(pairs[pairs], np.arange(len(shape))):
        raise ValueError("the mirror pairs are not mutual: is the mean shape frontal?")
    return pairs.astype(np.int64)


def mirrored(shapes: Array, pairs: NDArray[np.int64]) -> Array:
    """n x 478 x 3 shapes (or displacements) as a mirror shows them, points under their own numbers."""
    return shapes[..., pairs, :] * (-1, 1, 1)


def triangles(open_shape: Array) -> NDArray[np.int32]:
    """Delaunay triangles of the skin points in the frontal view, mouth, eyes and the outside left out.

    Args:
        open_shape: 478 x 3, frontal, with the mouth and the eyes open, so that lips and lids do not touch.

    Returns:
        t x 3 int32; seen from the front each runs counter-clockwise, so the normals point at the viewer.
    """
    flat = open_shape[:SKIN, :2]
    found = Delaunay(flat).simplices
    for loop in (EYE_RIGHT, EYE_LEFT, LIPS_INNER):
        found = found[~np.isin(found, loop).all(axis=1)]
    rim = np.isin(found, FACE_OVAL).all(axis=1)
    found = found[~rim | _inside(flat[found].mean(axis=1), flat[list(FACE_OVAL)])]
    a, b, c = (flat[found[:, k]] for k in range(3))
    clockwise = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0] > 0
    found[clockwise] = found[clockwise][:, ::-1]
    return found[np.lexsort(found.T[::-1])].astype(np.int32)


def spacing(shape: Array) -> Array:
    """478 areas: how much of the surface a point stands for (square of the distance to its 4th neighbour)."""
    distances, _ = cKDTree(shape[:SKIN]).query(shape[:SKIN], k=5)
    areas = np.zeros(len(shape))
    areas[:SKIN] = distances[:, 4] ** 2
    return areas


def _inside(points: Array, polygon: Array) -> NDArray[np.bool_]:
    """Even-odd rule."""
    x, y = points[:, :1], points[:, 1:]
    ax, ay = polygon.T
    bx, by = np.roll(polygon, -1, axis=0).T
    rise = np.where(by == ay, 1, by - ay)
    crossed = ((ay > y) != (by > y)) & (x < (bx - ax) * (y - ay) / rise + ax)
    return crossed.sum(axis=1) % 2 == 1
