"""Smooth camera paths that stay within reach of the real one, planned some frames ahead.

The path with the least speed, acceleration and jerk (M. Grundmann et al., "Auto-directed video
stabilization with robust L1 optimal camera paths", CVPR 2011, here by least squares), drawn softly to the
real path, as in the smoother of E. T. Whittaker ("On a new method of graduation", 1923). What was shown
already is held fixed and the frames known ahead are planned anew each time, as in model predictive control,
so that no step contradicts the one before. Where the plan would leave the room that cropping gives, it is
drawn more strongly to the real path, frame by frame, until it stays inside (a penalty method).
"""

from __future__ import annotations

from collections import deque
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
        across = float((self._margin / self._half[::-1]).min())
        along = float((self._margin / self._half).min())
        most = (_TURN_ROOM * across, _SCALE_ROOM * along)
        turned = self._turner.next(path[:, 2:], most, trend[2:]) - path[0, 2:]
        used = np.abs(turned[0]) * self._half[::-1] + np.abs(turned[1]) * self._half
        left = np.maximum(self._margin - used, 0.0)
        shifted = self._shifter.next(path[:, :2], left, trend[:2]) - path[0, :2]
        return np.concatenate([shifted, turned])
