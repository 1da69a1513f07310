"""Smooth camera paths that stay within reach of the real one, planned some frames ahead.

The path with the least speed, acceleration and jerk (M. Grundmann et al., "Auto-directed video
stabilization with robust L1 optimal camera paths", CVPR 2011, here by least squares), drawn softly to the
real path, as in the smoother of E. T. Whittaker ("On a new method of graduation", 1923). What was shown
already is held fixed and the frames known ahead are planned anew each time, as in model predictive control,
so that no step contradicts the one before. Where the plan would leave the room that cropping gives, it is
drawn more strongly to the real path, frame by frame, until it stays inside (a penalty method).

Plans go in even steps of time, whatever the pace of the frames (`TimedPath`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

ORDER: Final = 3
_ROUNDS: Final = 12
_SLACK: Final = 1.02
"""A plan that leaves its room by less is cut off there."""
_FADE: Final = 0.97
"""What is left of the trend from frame to frame beyond what is known."""
_TURN_ROOM: Final = 0.4
_SCALE_ROOM: Final = 0.15
"""Parts of the cropped margin that turn and scale may take; the shift gets the rest."""


class Planner:
    """Plans k signals, frame by frame.

    Args:
        horizon: frames of each plan, the current one included; at least 4.
        cutoff: frames; swings longer than 2 x `cutoff` frames are kept, shorter ones are taken out.
        signals: k.
    """

    def __init__(self, horizon: int, cutoff: float, signals: int) -> None:
        if horizon <= ORDER:
            raise ValueError(f"a plan needs {ORDER + 1} frames or more, but has {horizon}")
        self.horizon = horizon
        unit = max(cutoff / np.pi, 0.1)
        whole, free = np.eye(horizon + ORDER), np.eye(horizon)
        # Row k of each block ends at frame k of the plan, so the first rows reach back into what was shown.
        rows = [unit**n * np.diff(whole, n=n, axis=0)[ORDER - n :] for n in range(1, ORDER + 1)]
        going = np.concatenate(rows)
        alone = np.concatenate([unit**n * np.diff(free, n=n, axis=0) for n in range(1, ORDER + 1)])
        self._going: Array = going[:, ORDER:].T @ going[:, ORDER:]
        self._fresh: Array = alone.T @ alone
        self._pull: Array = -going[:, ORDER:].T @ going[:, :ORDER]
        self._shown: deque[Array] = deque(maxlen=ORDER)
        self._signals = signals

    def next(self, real: Any, limits: Any, trend: Any = 0.0) -> Array:
        """The smooth path's place in the current frame.

        Args:
            real: n x k, the real path from this frame on, n >= 1.
            limits: k: how far the smooth path may be from the real one, 0 or more.
            trend: k, change a frame that is assumed beyond what is known; it fades.

        Returns:
            k numbers within the limits.
        """
        path = self._stretched(np.asarray(real, np.float64).reshape(-1, self._signals), trend)
        room = np.maximum(np.broadcast_to(np.asarray(limits, np.float64), (self._signals,)), 1e-9)
        going = len(self._shown) == ORDER
        pull = self._pull @ np.array(self._shown) if going else np.zeros_like(path)
        stiff = self._going if going else self._fresh
        plan = np.stack([_solved(stiff, path[:, k], pull[:, k], room[k]) for k in range(self._signals)], 1)
        now: Array = np.clip(plan[0], path[0] - room, path[0] + room)
        if not going:
            # A path that begins has no past: as if it had come along the plan.
            self._shown.extend(2 * now - plan[k] for k in range(ORDER - 1, 0, -1))
        self._shown.append(now)
        return now

    def _stretched(self, rows: Array, trend: Any) -> Array:
        rows = rows[: self.horizon]
        beyond = np.cumsum(_FADE ** np.arange(self.horizon - len(rows)))[:, None]
        return np.concatenate([rows, rows[-1] + beyond * np.broadcast_to(trend, rows[-1].shape)])


def _solved(stiff: Array, path: Array, pull: Array, room: float) -> Array:
    """One signal's plan."""
    weights: Array = np.ones(len(path))
    plan: Any = path
    for _ in range(_ROUNDS):
        plan = np.linalg.solve(stiff + np.diag(weights), weights * path + pull)
        over = np.abs(plan - path) / room
        if over.max() < _SLACK:
            break
        weights = np.where(over > 1 / _SLACK, weights * np.clip(over, 1, 8) ** 4 * 1.5, weights)
    return np.asarray(plan)


class CameraPath:
    """Corrections of shift, turn and scale for each frame, such that no border shows.

    Args:
        horizon, cutoff: see `Planner`.
        margin: what is cropped away on each side, x and y, pixels.
        half: half the frame, x and y, pixels.
    """

    def __init__(
        self, horizon: int, cutoff: float, *, margin: tuple[float, float], half: tuple[float, float]
    ) -> None:
        self._turner = Planner(horizon, cutoff, 2)
        self._shifter = Planner(horizon, cutoff, 2)
        self._margin, self._half = np.array(margin), np.array(half)

    def next(self, path: Array, trend: Any = 0.0) -> Array:
        """What to add to the current frame's move: shift x, y (pixels), turn (radians), log of the scale.

        Args:
            path: n x 4, the sums of the camera's moves from this frame on, n >= 1.
            trend: 4, see `Planner.next`.
        """
        trend = np.broadcast_to(np.asarray(trend, np.float64), (4,))
        most = self._most()
        turned = self._turner.next(path[:, 2:], most, trend[2:]) - path[0, 2:]
        shifted = self._shifter.next(path[:, :2], self._left(turned), trend[:2]) - path[0, :2]
        return np.concatenate([shifted, turned])

    def held(self, move: Any) -> Array:
        """A correction within what the margin allows: shift x, y, turn, log of the scale."""
        most = self._most()
        turned = np.clip(np.asarray(move, np.float64)[2:], np.negative(most), most)
        left = self._left(turned)
        return np.concatenate([np.clip(np.asarray(move, np.float64)[:2], -left, left), turned])

    def _most(self) -> tuple[float, float]:
        """Turn and scale."""
        across = float((self._margin / self._half[::-1]).min())
        along = float((self._margin / self._half).min())
        return _TURN_ROOM * across, _SCALE_ROOM * along

    def _left(self, turned: Array) -> Array:
        """What turn and scale leave of the margin for the shift."""
        used = np.abs(turned[0]) * self._half[::-1] + np.abs(turned[1]) * self._half
        return np.asarray(np.maximum(self._margin - used, 0.0), np.float64)


class TimedPath:
    """A `CameraPath` for frames that come when they come: drops, pauses, a changing rate.

    It is planned at even times and read at those of the frames, between the points where need be.

    Args:
        begin: makes a new path, planned in such steps.
        step_s: seconds, above 0.
        longest: steps; no plan looks farther, and after a longer pause the path begins anew.
    """

    def __init__(self, begin: Callable[[], CameraPath], step_s: float, longest: int = 120) -> None:
        self._begin, self._step, self._longest = begin, step_s, longest
        self._before: tuple[float, Array] | None = None

    def next(self, times: Any, path: Any, trend: Any = 0.0) -> Array:
        """What to add to the current frame's move, as `CameraPath.next`.

        Args:
            times: n seconds, rising, of this frame and those known ahead.
            path: n x 4, the sums of the camera's moves.
            trend: 4, change a second that is assumed beyond what is known.
        """
        clock, rows = np.asarray(times, np.float64), np.asarray(path, np.float64)
        now, here = float(clock[0]), rows[0]
        if self._before is None or now - self._before[0] > self._longest * self._step:
            self._path, self._start, self._count = self._begin(), now, 0
            self._points = [self._planned(now, clock, rows, trend)] * 2
        else:
            clock, rows = np.append(self._before[0], clock), np.concatenate([self._before[1][None], rows])
        # A thousandth of a step is the rounding of times, no place between two points.
        while (ahead := (now - self._start) / self._step - self._count) > 1e-3:
            self._count += 1
            at = self._start + self._count * self._step
            self._points = [self._points[1], self._planned(at, clock, rows, trend)]
        self._before = now, here
        before, last = self._points
        return self._path.held(last + min(ahead, 0.0) * (last - before) - here)

    def _planned(self, at: float, clock: Array, rows: Array, trend: Any) -> Array:
        """The smooth path at one of the even times."""
        change = np.broadcast_to(np.asarray(trend, np.float64), rows.shape[1:])
        count = int((clock[-1] - at) / self._step + 1e-3) + 1
        if at > clock[-1] + 1e-3 * self._step:
            real = (rows[-1] + change * (at - clock[-1]))[None]
        else:
            even = at + self._step * np.arange(min(count, self._longest))
            real = np.stack([np.interp(even, clock, row) for row in rows.T], axis=1)
        return np.asarray(self._path.next(real, change * self._step) + real[0], np.float64)
