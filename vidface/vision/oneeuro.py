"""One-Euro filter: a low-pass whose cutoff rises with speed, so that rest is calm and motion has little lag.

G. Casiez, N. Roussel and D. Vogel, "1 Euro filter: a simple speed-based low-pass filter for noisy
input in interactive systems" (CHI 2012). Here it works on whole sets of points at once, with the real
time between frames, and it measures speed in sizes of the object per second, so that the same
parameters suit any resolution and any frame rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class OneEuro:
    """Parameters of the filter.

    Attributes:
        min_cutoff: cutoff in Hz of a point at rest; lower is calmer and slower.
        beta: Hz by which the cutoff rises for each size per second of speed; higher has less lag.
        d_cutoff: cutoff in Hz of the speed itself.
        max_gap_s: a point not seen for longer begins anew.
    """

    min_cutoff: float = 1.5
    beta: float = 30.0
    d_cutoff: float = 1.0
    max_gap_s: float = 0.5


class PointFilter:
    """The filter's memory of one set of points.

    Args:
        rules: its parameters.
        shape: number of points and of coordinates each.
    """

    __slots__ = ("_rules", "_seen", "_speed", "_value")

    def __init__(self, rules: OneEuro, shape: tuple[int, int]) -> None:
        self._rules = rules
        self._value: Points = np.full(shape, np.nan)
        self._speed: Points = np.zeros(shape)
        self._seen: Points = np.full(shape[0], -math.inf)

    def __call__(self, points: Any, *, time: float, size: float) -> Points:
        """Filtered points of this frame, float64.

        A point with NaN stays NaN and its memory waits. A point that is new, or comes back after
        `max_gap_s`, or whose time did not go forward, is given as it is and begins anew.

        Args:
            points: k x d, any unit.
            time: seconds.
            size: of the object, in the unit of the points, above 0.

        Raises:
            ValueError: not as many points as were announced, or a size that is not above 0.
        """
        now = np.asarray(points, np.float64)
        if not size > 0:
            raise ValueError(f"the size of a filtered object must be above 0, but is {size}")
        if now.shape != self._value.shape:
            raise ValueError(f"the filter has {self._value.shape} points, but got {now.shape}")
        known = np.asarray(np.isfinite(now).all(axis=1))
        gap = time - self._seen
        goes_on = known & (gap > 0) & (gap <= self._rules.max_gap_s)
        anew = known & ~goes_on
        self._value[anew], self._speed[anew] = now[anew], 0
        self._step(now[goes_on], goes_on, seconds=gap[goes_on, None], size=size)
        self._seen[known] = time
        return np.where(known[:, None], self._value, np.nan)

    def _step(self, now: Points, rows: NDArray[np.bool_], *, seconds: Points, size: float) -> None:
        before, speed = self._value[rows], self._speed[rows]
        speed += share(self._rules.d_cutoff, seconds) * ((now - before) / seconds - speed)
        # One speed for all coordinates of a point, so that what it does is independent of the axes.
        pace = np.linalg.norm(speed, axis=1, keepdims=True) / size
        cutoff = self._rules.min_cutoff + self._rules.beta * pace
        self._speed[rows] = speed
        self._value[rows] = before + share(cutoff, seconds) * (now - before)


def share(cutoff: Any, seconds: Any) -> Any:
    """How much of a new value a first-order low-pass takes, 0 to 1, `seconds` after the last one."""
    return 1 / (1 + 1 / (2 * math.pi * cutoff * seconds))
