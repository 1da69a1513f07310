"""Which of the faces just seen is which of the faces expected: costs in nats, and the cheapest pairing."""

from __future__ import annotations

from itertools import permutations
from math import perm
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.vision.motion import NOISE, TAIL, Motion, place_of, scale_of

Array = NDArray[np.float64]

UNKNOWN_SHAPE_NATS = 1.0
"""Cost where the landmarks of one side are not known: about that of an ordinary match."""


def motion_cost(expected: Motion, boxes: NDArray[Any]) -> tuple[Array, Array]:
    """How surprising it would be to see each expected face at each box.

    Args:
        expected: n faces, predicted to now.
        boxes: m x 4.

    Returns:
        n x m nats, the negative log density under a t distribution up to a constant (a face seen just
        now and where it should be: about 0; uncertainty costs, so a long-lost face does not take the
        place of one that is in view); and n x m distances in standard deviations (root of the mean
        square over the four coordinates).
    """
    noise = (NOISE * scale_of(expected.place)) ** 2
    total = expected.variance[:, :, 0] + noise
    surprise = place_of(boxes)[None] - expected.place[:, None]
    squares = np.einsum("nmk,nk->nm", surprise**2, 1 / total)
    blur = 0.5 * np.log(total / (2 * noise)).sum(axis=1)
    cost = (TAIL + 4) / 2 * np.log1p(squares / TAIL) + blur[:, None]
    return cost, np.sqrt(squares / 4)


def face_shape(boxes: NDArray[Any], landmarks: NDArray[Any]) -> Array:
    """Where the landmarks lie within their box: n x 5 x 2, 0..1 from its top-left corner, NaN if unknown."""
    rows = np.asarray(boxes, np.float64)
    sides = np.maximum(rows[:, 2:] - rows[:, :2], 1e-3)
    shape: Array = (np.asarray(landmarks, np.float64) - rows[:, None, :2]) / sides[:, None]
    return shape


def shape_cost(expected: Array, seen: Array, gaps_s: NDArray[Any]) -> Array:
    """How much the layout of the landmarks (pose of the head) differs.

    Args:
        expected: n x 5 x 2, as `face_shape` gives it.
        seen: m x 5 x 2.
        gaps_s: n seconds since the expected ones were seen; heads turn, so it counts for less.

    Returns:
        n x m nats, 0 to 4.
    """
    offset = expected[:, None].reshape(len(expected), 1, 10) - seen.reshape(1, len(seen), 10)
    squares = np.einsum("nmk,nmk->nm", offset, offset) / 10
    width = 0.06 + 0.2 * np.asarray(gaps_s, np.float64)
    cost: Array = np.minimum(squares / (2 * width[:, None] ** 2), 4.0)
    return np.where(np.isfinite(cost), cost, UNKNOWN_SHAPE_NATS)


def similarity(expected: NDArray[Any], seen: NDArray[Any]) -> Array:
    """Cosine of each of n unit vectors with each of m; NaN where either is all zero (not measured)."""
    known = np.any(expected != 0, axis=1)[:, None] & np.any(seen != 0, axis=1)[None]
    cosine = np.asarray(expected, np.float64) @ np.asarray(seen, np.float64).T
    return np.where(known, cosine, np.nan)


def cheapest_pairs(cost: Array, allowed: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pair rows with columns one to one, as many as are allowed, at the lowest total (Kuhn 1955).

    Args:
        cost: n x m, finite.
        allowed: n x m.

    Returns:
        Row and column indices of the pairs, by rising row.
    """
    none = np.zeros(0, np.int64)
    if not allowed.any():
        return none, none
    low, high = float(cost[allowed].min()), float(cost[allowed].max())
    # More than all allowed pairs together: a forbidden pair is taken only where nothing else is left.
    forbidden = (high - low + 1.0) * (min(cost.shape) + 1)
    rows, columns = _cheapest(np.where(allowed, cost - low, forbidden))
    good = allowed[rows, columns]
    return rows[good].astype(np.int64), columns[good].astype(np.int64)


_FEW: Final = 24
"""Pairings that are tried one by one: those of four faces with four."""


def _cheapest(cost: Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """As SciPy's `linear_sum_assignment`. Few faces need none of it: to import it takes longer than all else
    that a run does before its first frame."""
    fewer, more = sorted(cost.shape)
    if perm(more, fewer) > _FEW:
        from scipy.optimize import linear_sum_assignment

        rows, columns = linear_sum_assignment(cost)
        return np.asarray(rows, np.int64), np.asarray(columns, np.int64)
    turned = cost.shape[0] > cost.shape[1]
    table = (cost.T if turned else cost).tolist()
    best = min(
        permutations(range(more), fewer),
        key=lambda places: sum(row[place] for row, place in zip(table, places, strict=True)),
    )
    here, there = np.arange(fewer), np.array(best, np.int64)
    if not turned:
        return here, there
    order = np.argsort(there)
    return there[order], here[order]
