"""The brightness of a scene as it goes along, its smooth path, and the steps that are real.

Changes from frame to frame are summed up, as a camera's path is made of its motions, and averaged under
a Gaussian window in time that does not look across a step: a new level that holds, and that stands out
from the swings before and after it, such as a lamp that is switched on. What leaves its level and comes home
before it could hold is a flash: it is brought to its surroundings and does not draw them to itself. Where the
light goes from one level to another, as in a fade, and does not come home, frames are left as they are.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vidface.vision.flicker import KNOTS, Shift

Array = NDArray[np.float64]

REACH: Final = 3.0
"""The window looks back this many sigmas."""
_MOST: Final = 0.5
"""No brightness is changed by more than this share."""
_STEP: Final = 0.02
"""A step below this, in units, is not told from flicker; it is smoothed as well."""
_FAINT: Final = 0.003
_SWINGS: Final = 2.2
"""A step must be so many times as large as the swings beside it: more than any sine can feign."""
_EDGE_S: Final = 0.05
"""Seconds to each side of a step in which it may still be happening."""
_FEWEST: Final = 3
"""Frames on each side that a step is judged by."""


@dataclass(slots=True)
class _Moment:
    """One frame of the path.

    Attributes:
        time: seconds.
        level: brightness, summed up.
        new: where a step led to it.
        home: lowest and highest level before a step that is still to be confirmed.
        stray: where it belongs to a flash: brought to the others, but no part of where they are.
        passing: the light is on its way from one level to another.
    """

    time: float
    level: Array
    new: NDArray[np.bool_]
    stray: NDArray[np.bool_]
    home: tuple[Array, Array] | None = None
    passing: bool = False


class BrightnessPath:
    """What brings frames onto the smooth path of their scene's brightness.

    Args:
        smooth_s: sigma of the window in seconds.
        settle_s: a level that holds for so many seconds, after one that held twice as long, is real. Until
            that is known, at the end of what has been seen, any level is that was not met for as long.
    """

    __slots__ = ("_judged", "_path", "_settle_s", "_smooth_s")

    def __init__(self, smooth_s: float, settle_s: float) -> None:
        self._smooth_s = smooth_s
        self._settle_s = settle_s
        self._path: deque[_Moment] = deque()
        self._judged = 1

    def add(self, time: float, shift: Shift) -> None:
        """The next frame: its time in seconds and how it differs from the frame before."""
        numbers = shift.numbers
        level = self._path[-1].level + numbers if self._path else numbers
        nowhere = np.zeros(len(level), np.bool_)
        self._path.append(_Moment(time, level, nowhere, nowhere))
        self._suppose()
        self._judge()

    def forget(self, time: float) -> None:
        """Drop what the window of `time` and of later ones does not reach."""
        far = REACH * self._smooth_s + 3 * (self._settle_s + _EDGE_S)
        while len(self._path) > 1 and self._path[0].time < time - far:
            self._path.popleft()
            self._judged = max(self._judged - 1, 1)

    def way_back(self, time: float) -> Shift:
        """What brings the frame at `time` (one that was added) onto the smooth path."""
        times = np.array([one.time for one in self._path])
        levels = np.array([one.level for one in self._path])
        now = int(np.abs(times - time).argmin())
        away = times - times[now]
        first = times[1] - times[0] if len(times) > 1 else 1.0
        spans = np.clip(np.diff(times, prepend=times[0] - first), 1e-3, 0.2)
        near = np.abs(away) <= REACH * self._smooth_s
        weights = near * spans * np.exp(-0.5 * (away / self._smooth_s) ** 2)
        scenes = np.cumsum([one.new for one in self._path], axis=0)
        share = weights[:, None] * (scenes == scenes[now])
        calm = np.where([one.stray for one in self._path], 0, share)
        share = np.where(calm.any(axis=0), calm, share)
        smooth = _smoothed(share / share.sum(axis=0), levels, away / self._smooth_s)
        most = np.full(levels.shape[1], _MOST)
        most[:KNOTS] *= np.maximum(np.linspace(0, 1, KNOTS), 0.1)
        back = np.clip(smooth - levels[now], -most, most)
        back *= 1 - self._share_passing(away)
        # Nobody sees so little, and motion feigns as much: a smooth dead zone.
        return Shift.of(back * back**2 / (back**2 + _FAINT**2))

    def _share_passing(self, away: Array) -> float:
        """How far the frame at `away` 0 lies within a fade: 1 in it, falling to 0 within `smooth_s`."""
        within = np.array([one.passing for one in self._path])
        nearest = np.abs(away[within]).min(initial=np.inf)
        return float(np.clip(1 - nearest / self._smooth_s, 0, 1))

    def _judge(self) -> None:
        """Find the steps as soon as it is known what came after them."""
        times = np.array([one.time for one in self._path])
        levels = np.array([one.level for one in self._path])
        while self._judged < len(times):
            start = times[self._judged] + _EDGE_S
            right = int(np.searchsorted(times, start))
            end = max(right + _FEWEST, int(np.searchsorted(times, start + self._settle_s)))
            if end > len(times) or times[-1] < start + self._settle_s:
                return
            moment, before = self._path[self._judged], self._before(self._judged, times)
            moment.home = None
            moment.new = np.zeros(levels.shape[1], np.bool_)
            moment.passing = _passes(levels[self._way_here(self._judged, times)], levels[right:end])
            if before is not None and not moment.passing:
                moment.new = _stepped(levels[before], levels[right:end])
            self._judged += 1

    def _before(self, now: int, times: Array) -> slice | None:
        """The frames before that a step is judged by; None where the path does not go back so far."""
        far = times[now] - _EDGE_S - 2 * self._settle_s
        if times[0] > far:
            return None
        end = int(np.searchsorted(times, times[now] - _EDGE_S, side="right"))
        first = min(int(np.searchsorted(times, far)), end - _FEWEST)
        return slice(first, end) if first >= 0 else None

    def _way_here(self, now: int, times: Array) -> slice:
        """The frames before, for as long as what is smoothed takes to come home, or none."""
        far = times[now] - _EDGE_S - 2 * max(self._settle_s, self._smooth_s)
        end = int(np.searchsorted(times, times[now] - _EDGE_S, side="right"))
        return slice(int(np.searchsorted(times, far)), end) if times[0] <= far else slice(0, 0)

    def _suppose(self) -> None:
        """It is not known yet whether a new level holds: take it for real until it does not."""
        times = np.array([one.time for one in self._path])
        levels = np.array([one.level for one in self._path])
        moment = self._path[-1]
        self._withdraw(levels[-1])
        before = self._before(len(times) - 1, times)
        if before is not None:
            old = levels[before]
            moment.new = _stepped(old, levels[-1:])
            moment.home = old.min(axis=0), old.max(axis=0)

    def _withdraw(self, newest: Array) -> None:
        """A level that has come home was no new one, but a flash, up to the frame before the newest."""
        for at, earlier in enumerate(self._path):
            if earlier.home is None:
                continue
            low, high = earlier.home
            back = earlier.new & (newest >= low - _STEP) & (newest <= high + _STEP)
            if not back.any():
                continue
            earlier.new = earlier.new & ~back
            for one in islice(self._path, at, len(self._path) - 1):
                one.stray = one.stray | back


def _smoothed(share: Array, levels: Array, away: Array) -> Array:
    """Where the levels (n x k, with weights that sum to 1) are at `away` 0.

    A straight line through them where they reach to both sides, so that slow changes are followed without
    lag; at the ends, where a line would swing along with the flicker, their mean.
    """
    middle = away @ share
    spread = (share * (away[:, None] - middle) ** 2).sum(axis=0)
    mean = (share * levels).sum(axis=0)
    slope = (share * (away[:, None] - middle) * levels).sum(axis=0) / np.maximum(spread, 1e-9)
    seen = np.where(share > 0, away[:, None], 0)
    both = np.minimum(seen.max(axis=0), -seen.min(axis=0)).clip(0, 1)
    return np.asarray(mean - both * slope * middle)


def _stepped(before: Array, after: Array) -> NDArray[np.bool_]:
    """Where the levels (n x k) before and after differ by more than they swing."""
    swing = np.maximum(np.ptp(before, axis=0), np.ptp(after, axis=0))
    step = np.abs(after.mean(axis=0) - before.mean(axis=0)) > _SWINGS * swing + _STEP
    # Where the whole picture steps, all of its parts do.
    return np.asarray(step | step[:KNOTS].any())


def _passes(before: Array, after: Array) -> bool:
    """The light goes from one level to another, as in a fade: no frame after is where one before was.

    Flicker comes home meanwhile, whatever its place in its swing, and a step has its whole height here.
    """
    if len(before) < _FEWEST:
        return False
    apart = np.maximum(before.min(axis=0) - after.max(axis=0), after.min(axis=0) - before.max(axis=0))
    here = np.abs(after[0] - before[-1]) < 0.6 * np.abs(after.mean(axis=0) - before.mean(axis=0))
    return bool(((apart > _STEP) & here)[:KNOTS].mean() >= 0.5)
