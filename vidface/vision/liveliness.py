"""Liveliness: what a speaking person does beside speaking - blinks, and a head that is never quite still.

All of it follows from a seed and the time, so that it is the same in every run.
"""

from __future__ import annotations

from functools import lru_cache
from math import cos, floor, pi
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_BLINK_S: Final = (0.1, 0.05, 0.2)
"""Seconds in which lids fall, stay shut and rise."""
_BETWEEN_S: Final = (1.4, 2.0)
"""Least time between blinks and the mean of what comes on top: some 17 a minute (Bentivoglio et al. 1997)."""
_EARLY_S: Final = 0.5
_LATE_S: Final = 0.6
_PAUSE: Final = 0.25
"""Loudness, against the loudest moment of a second, below which a speaker pauses."""
_OCTAVES: Final = ((2.3, 1.0), (0.9, 0.45))
"""Seconds between the knots of the noise, and its size."""
_ANYWHERE: Final = 2**31


class Blinks:
    """When one person blinks: at random, rather in a pause of the speech than within a word.

    Args:
        seed: two seeds that differ give other times.
        start: seconds at which the person comes into the picture.
    """

    def __init__(self, seed: tuple[int, ...], start: float) -> None:
        self._rng = np.random.default_rng(seed)
        self._due = start + 0.4 + self._wait() / 2
        self._began: float | None = None

    def __call__(self, time: float, loudness: float) -> float:
        """How far the lids are shut, 0 to 1; frames come in order.

        Args:
            time: seconds.
            loudness: of the voice, 0 to 1.
        """
        pauses = loudness < _PAUSE and time >= self._due - _EARLY_S
        if self._began is None and (pauses or time >= self._due + _LATE_S):
            self._began = time
        if self._began is None:
            return 0.0
        since = time - self._began
        if since >= sum(_BLINK_S):
            self._began, self._due = None, time + self._wait()
            return 0.0
        return _lids(since)

    def _wait(self) -> float:
        least, more = _BETWEEN_S
        return least + float(self._rng.gamma(2.0, more / 2))


def _lids(since: float) -> float:
    falls, shut, rises = _BLINK_S
    if since < falls:
        return 0.5 - 0.5 * cos(pi * since / falls)
    back = max(0.0, since - falls - shut) / rises
    return 0.5 + 0.5 * cos(pi * min(1.0, back))


def wander(seed: int, axes: int, time: float) -> Array:
    """Smooth noise: `axes` values at a time in seconds, each of standard deviation about 1.

    Value noise over the time in two octaves, cubic between the knots.
    """
    size = np.sqrt(sum(share**2 for _, share in _OCTAVES)) * _SHRINK
    out = np.zeros(axes)
    for octave, (spacing, share) in enumerate(_OCTAVES):
        place = time / spacing
        first = floor(place)
        knots = np.stack([_knot(seed, axes, octave, first + step) for step in (-1, 0, 1, 2)])
        out += share * (_spline(place - first) @ knots)
    return np.asarray(out / size, np.float64)


_SHRINK: Final = 0.8
"""What interpolation leaves of the standard deviation of the knots."""


@lru_cache(maxsize=64)
def _knot(seed: int, axes: int, octave: int, number: int) -> Array:
    return np.random.default_rng((seed, octave, number + _ANYWHERE)).normal(0, 1, axes)


def _spline(part: float) -> Array:
    """Weights of four knots a step apart, between the second and the third (Catmull and Rom 1974)."""
    t = part
    return 0.5 * np.array(
        [-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, -(t**2) + t**3]
    )
