"""The inside of an eye moved from one mesh to another: the eyeball keeps its shape, lids slide over it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.vision.meshtopology import EYE_LEFT, EYE_RIGHT, IRIS_LEFT, IRIS_RIGHT

Array = NDArray[np.float64]

_RADIUS: Final = 0.2
"""Radius of an iris in eye widths, with the edge."""
_LEAST: Final = 0.08
"""The middle of what is seen of an eyeball keeps so far from the corners, in eye widths."""


def eyeball(points: Any, source: Any, target: Any, *, ring: tuple[int, ...]) -> NDArray[np.float32]:
    """Where in the source picture the points of an opened eye of the target come from.

    Along the eye the iris moves as a piece and the white beside it stretches. Across it the eyeball keeps
    its size, so a lid that comes down hides it; where the target's eye is opened wider than the source's,
    what the source shows is stretched up to the lids, each side of the iris' middle by itself.

    Args:
        points: n x 2, pixels of the target, between the lids.
        source, target: 478 x 3 meshes, pixels.
        ring: `EYE_RIGHT` or `EYE_LEFT`.

    Returns:
        n x 2 pixels of the source.
    """
    here, there = _Eye(source, ring), _Eye(target, ring)
    along, across = there.inward(np.asarray(points, np.float64))
    moved = np.interp(along, there.knots, here.knots)
    grow = there.relative / here.relative
    top, bottom = here.lids(moved)
    room = 0.25 * np.maximum(bottom - top, 0)
    middle = np.clip(here.iris[1], top + room, np.maximum(bottom - room, top + room))
    goal = there.iris[1] + (middle - here.iris[1]) / grow
    upper, lower = there.lids(along)
    steepest = np.stack([(middle - top) / _above(goal - upper), (bottom - middle) / _above(lower - goal)])
    slope = np.where(across < goal, *np.clip(steepest, 0, grow))
    return here.outward(moved, middle + (across - goal) * slope).astype(np.float32)


def _above(ways: Array) -> Array:
    return np.maximum(ways, 1e-6)


class _Eye:
    """An eye in its own frame: along from the outer corner (0) to the inner one (1), across towards the chin.

    Attributes:
        iris: along and across of its middle.
        knots: along of the outer corner, both edges of the iris, and the inner corner.
        relative: width in inter-ocular distances (of space), small in an eye that is turned away.
    """

    def __init__(self, mesh: Any, ring: tuple[int, ...]) -> None:
        points = np.asarray(mesh, np.float64)
        self._start = complex(*points[ring[0], :2])
        way = complex(*points[ring[8], :2]) - self._start
        self._way = way if abs(way) > 1e-3 else 1e-3 + 0j
        # From the outer to the inner corner a right eye runs to the right as seen, a left eye to the left.
        self._sign = 1.0 if ring is EYE_RIGHT else -1.0
        along, across = self.inward(points[list(ring), :2])
        self._upper = _curve(along[:9], across[:9])
        self._lower = _curve(along[[0, *range(15, 7, -1)]], across[[0, *range(15, 7, -1)]])
        centre = points[[(IRIS_RIGHT if ring is EYE_RIGHT else IRIS_LEFT)[0]], :2]
        (a,), (b,) = self.inward(centre)
        self.iris = float(np.clip(a, _RADIUS + _LEAST, 1 - _RADIUS - _LEAST)), float(b)
        self.knots = np.array([0, self.iris[0] - _RADIUS, self.iris[0] + _RADIUS, 1])
        middles = [(points[one[0]] + points[one[8]]) / 2 for one in (EYE_RIGHT, EYE_LEFT)]
        self.relative = abs(self._way) / max(1e-3, float(np.linalg.norm(middles[0] - middles[1])))

    def inward(self, points: Array) -> tuple[Array, Array]:
        """Pixels -> along and across."""
        own = (points[:, 0] + 1j * points[:, 1] - self._start) / self._way
        return own.real, own.imag * self._sign

    def outward(self, along: Array, across: Array) -> Array:
        """Along and across -> n x 2 pixels."""
        own = (along + 1j * across * self._sign) * self._way + self._start
        return np.column_stack([own.real, own.imag])

    def lids(self, along: Array) -> tuple[Array, Array]:
        """Across of the upper and of the lower lid."""
        top, bottom = np.interp(along, *self._upper), np.interp(along, *self._lower)
        return np.minimum(top, bottom), np.maximum(top, bottom)


def _curve(along: Array, across: Array) -> tuple[Array, Array]:
    order = np.argsort(along, kind="stable")
    return along[order], across[order]
