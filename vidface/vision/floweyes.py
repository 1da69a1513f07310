"""What lies behind lids and lips, moved between two meshes: it keeps its size, and they slide over it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.vision.meshtopology import EYE_LEFT, EYE_RIGHT, IRIS_LEFT, IRIS_RIGHT, LIPS_INNER

Array = NDArray[np.float64]

_RADIUS: Final = 0.2
"""Radius of an iris in eye widths, with the edge."""
_LEAST: Final = 0.02
"""The part of an iris that is moved as a piece keeps so far from the corners, in eye widths."""
_NEAREST: Final = 0.14
"""The middle of an iris keeps so far from the corners."""


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
    moved = np.interp(along, *_knots(there.iris[0], here.iris[0]))
    grow = there.relative / here.relative
    top, bottom = here.lids(moved)
    room = 0.25 * np.maximum(bottom - top, 0)
    middle = np.clip(here.iris[1], top + room, np.maximum(bottom - room, top + room))
    goal = there.iris[1] + (middle - here.iris[1]) / grow
    upper, lower = there.lids(along)
    steepest = np.stack([(middle - top) / _above(goal - upper), (bottom - middle) / _above(lower - goal)])
    slope = np.where(across < goal, *np.clip(steepest, 0, grow))
    return here.outward(moved, middle + (across - goal) * slope).astype(np.float32)


def _knots(there: float, here: float) -> tuple[Array, Array]:
    """Along of the corners and of both edges of the iris, in the target and in the source.

    An edge that lies behind a corner in either is replaced by what lies at the corner.
    """
    cut = [max(0.0, _LEAST + _RADIUS - min(side)) for side in ((there, here), (1 - there, 1 - here))]
    one, other = (
        np.array([0, middle - _RADIUS + cut[0], middle + _RADIUS - cut[1], 1]) for middle in (there, here)
    )
    return one, other


def _above(ways: Array) -> Array:
    return np.maximum(ways, 1e-6)


def teeth(points: Any, source: Any, target: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where in the source picture the points of an opened mouth of the target come from.

    What is to be seen hangs from the upper lip, as teeth do, and keeps its size: a mouth that closes hides
    it from below, and one that opens wider than the source's shows nothing there.

    Args:
        points: n x 2, pixels of the target, between the lips.
        source, target: 478 x 3 meshes, pixels.

    Returns:
        n x 2 pixels of the source, and n values: 0 where the source shows it, 1 where it does not.
    """
    here, there = Slit(source, LIPS_INNER), Slit(target, LIPS_INNER)
    along, across = there.inward(np.asarray(points, np.float64))
    along = np.clip(along, 0, 1)
    top, bottom = here.lids(along)
    depth = (across - there.lids(along)[0]) * (there.relative / here.relative)
    opened = np.maximum(bottom - top, 0)
    reach = np.maximum(0.15 * opened, 0.03)
    unknown = np.clip((depth - opened + reach) / reach, 0, 1)
    return here.outward(along, np.minimum(top + depth, bottom)).astype(np.float32), unknown.astype(np.float32)


class Slit:
    """An eye or a mouth in its own frame: along from corner (0) to corner (1), across towards the chin.

    Attributes:
        relative: width in inter-ocular distances (of space), small in one that is turned away.
        opening: greatest way between the lids or lips, in inter-ocular distances.
    """

    def __init__(self, mesh: Any, ring: tuple[int, ...]) -> None:
        points = np.asarray(mesh, np.float64)
        half = len(ring) // 2
        self._start = complex(*points[ring[0], :2])
        way = complex(*points[ring[half], :2]) - self._start
        self._way = way if abs(way) > 1e-3 else 1e-3 + 0j
        # Rings run to the right as seen, but that of the left eye.
        self._sign = -1.0 if ring is EYE_LEFT else 1.0
        along, across = self.inward(points[list(ring), :2])
        under = [0, *range(len(ring) - 1, half - 1, -1)]
        self._upper = _curve(along[: half + 1], across[: half + 1])
        self._lower = _curve(along[under], across[under])
        middles = [(points[one[0]] + points[one[8]]) / 2 for one in (EYE_RIGHT, EYE_LEFT)]
        self.relative = abs(self._way) / max(1e-3, float(np.linalg.norm(middles[0] - middles[1])))
        top, bottom = self.lids(np.linspace(0.2, 0.8, 7))
        self.opening = float((bottom - top).max()) * self.relative

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


class _Eye(Slit):
    """An eye with its iris.

    Attributes:
        iris: along and across of its middle.
    """

    def __init__(self, mesh: Any, ring: tuple[int, ...]) -> None:
        super().__init__(mesh, ring)
        middle = (IRIS_RIGHT if ring is EYE_RIGHT else IRIS_LEFT)[0]
        (a,), (b,) = self.inward(np.asarray(mesh, np.float64)[[middle], :2])
        self.iris = float(np.clip(a, _NEAREST, 1 - _NEAREST)), float(b)


def _curve(along: Array, across: Array) -> tuple[Array, Array]:
    order = np.argsort(along, kind="stable")
    return along[order], across[order]
