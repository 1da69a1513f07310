"""One skull followed through a clip: place and roll from its pixels, kept from drifting by its landmarks.

Landmarks and meshes say where the face is, but tremble by about a percent of its size. Registration of the
pixels from frame to frame (`vidface.vision.register`) trembles less, but drifts with the skin. So motion is
taken from the pixels and the place is drawn towards the landmarks with a time constant: a complementary
filter, without lag.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vidface.vision.register import Patch, register

Skull = tuple[complex, complex]

_LEAST_PX: Final = 8.0
"""Inter-ocular distance below which a patch holds too little to be found again."""


class Place(NamedTuple):
    """Where the skull is at one time; `seen` is False where nobody saw it."""

    time: float
    skull: Skull | None
    seen: bool


class SkullTrack:
    """The filter; one for each stretch of film without a cut.

    Args:
        settle_s: seconds in which an offset between pixels and landmarks falls to a third.
        pixels: follow pixels; else the landmarks alone are believed.
    """

    def __init__(self, settle_s: float, *, pixels: bool = True) -> None:
        self._settle_s = settle_s
        self._pixels = pixels
        self._patch: Patch | None = None
        self._told: Skull | None = None
        self._now: Skull | None = None
        self._time = 0.0
        self.registered = 0

    def step(self, time: float, luma: NDArray[Any], told: Skull | None) -> Place:
        """Take in a frame.

        Args:
            time: seconds.
            luma: the frame's brightness at full size.
            told: where landmarks or mesh say that the skull is; None where there is no face.
        """
        if told is None or not np.isfinite([told[0], told[1]]).all() or abs(told[0]) < 1e-3:
            self._patch = self._told = self._now = None
            return Place(time, None, False)
        now = self._moved(luma, told)
        if now is None:
            now = told
        else:
            # A gap between pixels and landmarks that is large is no noise: then it closes sooner.
            gap = abs(now[1] - told[1]) / abs(told[0]) + abs(now[0] / told[0] - 1)
            share = 1 - math.exp(-max(time - self._time, 0.0) / self._settle_s * (1 + (gap / 0.12) ** 2))
            now = _between(now, told, share)
        self._patch = Patch.cut(luma, now) if self._pixels and abs(now[0]) >= _LEAST_PX else None
        self._told, self._now, self._time = told, now, time
        return Place(time, now, True)

    def _moved(self, luma: NDArray[Any], told: Skull) -> Skull | None:
        """The last place carried along by the pixels, else by the landmarks; None at the start."""
        if self._now is None or self._told is None:
            return None
        factor = told[0] / self._told[0]
        guess = self._now[0] * factor, told[1] + (self._now[1] - self._told[1]) * factor
        if self._patch is None:
            return None
        found = register(self._patch, luma, guess)
        self.registered += found is not None
        return found or guess


def _between(one: Skull, other: Skull, share: float) -> Skull:
    """From one to the other: scale and turn by their logarithm, the place along the line."""
    factor = (other[0] / one[0]) ** share
    return one[0] * factor, one[1] + (other[1] - one[1]) * share
