"""Motions over time: calm at rest, never beyond what a picture can show, and at ease when nobody drives."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vidface.data.motion import Motion
from vidface.vision.motionfit import matrix_of, vector_of
from vidface.vision.oneeuro import OneEuro, PointFilter
from vidface.vision.rigid import angles_of, rotations_of

Array = NDArray[np.float64]

BOUNDS: Final[Mapping[str, int]] = {"yaw": 1, "pitch": 2, "roll": 4, "shift": 8, "size": 16}
"""What may be held back, in the order of `Limits`, and its flag."""
_FREE: Final = 0.7
"""Share of a limit up to which nothing is held back."""
_BACK_S: Final = 0.3
"""Seconds in which another driver takes over, or one who was away for long."""
_SLOWER: Final = 1.5
"""One who was away for less takes over in so many times as long."""


class Smoother:
    """One-Euro filters on all that a Motion says.

    Args:
        rest_s: time constant of the filter at rest, seconds; 0 leaves Motions as they are.
    """

    def __init__(self, rest_s: float) -> None:
        self._rest_s = rest_s
        self._filters: dict[int, PointFilter] = {}

    def __call__(self, motion: Motion, time: float) -> Motion:
        """The Motion of `time` seconds, calmed; one that is not valid passes."""
        if self._rest_s <= 0 or not motion.valid:
            return motion
        scale = math.log(motion.scale)
        head = np.stack([motion.rotation, motion.shift, (scale, 0, 0)]).astype(np.float64)
        face = np.concatenate([motion.expression, motion.gaze.ravel()]).astype(np.float64)[:, None]
        head, face = self._run(head, time, key=0), self._run(face, time, key=len(face))[:, 0]
        return replace(
            motion,
            rotation=head[0].astype(np.float32),
            shift=head[1].astype(np.float32),
            scale=math.exp(float(head[2, 0])),
            expression=face[:-4].astype(np.float32),
            gaze=face[-4:].reshape(2, 2).astype(np.float32),
        )

    def _run(self, values: Array, time: float, *, key: int) -> Array:
        if key not in self._filters:
            rules = OneEuro(min_cutoff=1 / (2 * math.pi * self._rest_s), beta=10.0, d_cutoff=3.0)
            rows, columns = values.shape
            self._filters[key] = PointFilter(rules, (rows, columns))
        return self._filters[key](values, time=time, size=1.0)


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a head may turn away from its rest, degrees; shift in inter-ocular distances; size as a factor.

    Up to seven tenths of a limit nothing is held back; beyond, the way bends and never reaches it.
    """

    yaw: float = 35.0
    pitch: float = 25.0
    roll: float = 40.0
    shift: float = 0.8
    scale: float = 1.35


class Limited(NamedTuple):
    """A Motion within its limits, and which of them it was beyond: the flags of `BOUNDS`, added up."""

    motion: Motion
    beyond: int


def bounds_in(beyond: int) -> tuple[str, ...]:
    """Names of the bounds whose flags were added up."""
    return tuple(name for name, flag in BOUNDS.items() if beyond & flag)


def limited(motion: Motion, rest: Motion, limits: Limits) -> Limited:
    """A Motion held gently within limits around a rest."""
    turn, start = (angles_of(matrix_of(one.rotation)[None])[0] for one in (motion, rest))
    # The short way round, also from one side of 180 degrees to the other.
    away = (turn - start + 180) % 360 - 180
    bounds = (limits.yaw, limits.pitch, limits.roll)
    held = np.array([_soft(float(a), bound) for a, bound in zip(away, bounds, strict=True)])
    size, most = math.log(motion.scale), math.log(limits.scale)
    shift = np.array([_soft(float(v), limits.shift) for v in motion.shift])
    over = [abs(float(a)) > bound for a, bound in zip(away, bounds, strict=True)]
    over += [bool(np.abs(motion.shift).max() > limits.shift), abs(size) > most]
    kept_size = _soft(size, most)
    free = np.allclose(held, away) and np.allclose(shift, motion.shift) and math.isclose(kept_size, size)
    if not any(over) and free:
        return Limited(motion, 0)
    kept = replace(
        motion,
        rotation=vector_of(rotations_of([start + held])[0]).astype(np.float32),
        shift=shift.astype(np.float32),
        scale=math.exp(kept_size),
    )
    return Limited(kept, sum(flag for flag, one in zip(BOUNDS.values(), over, strict=True) if one))


def _soft(value: float, bound: float) -> float:
    if bound <= 0:
        return 0.0
    share = abs(value) / bound
    if share <= _FREE:
        return value
    return math.copysign(bound * (_FREE + (1 - _FREE) * math.tanh((share - _FREE) / (1 - _FREE))), value)


class _Way(NamedTuple):
    """From what was shown to what a driver does: where and from when on, in how many seconds."""

    start: Motion
    share: float
    begun: float
    takes_s: float

    def done(self, time: float) -> float:
        """How much of it lies behind, 0 to 1, eased at both ends."""
        part = min(1.0, max(0.0, (time - self.begun) / self.takes_s))
        return _eased(part)


class Presence:
    """What a face does when nobody drives it: it holds for a while, then eases to its rest.

    Whoever drives it then takes over from where it is, without a jump: the same driver in one and a half
    times as long as it was away, so that a frame that was missed slows nothing, at most as long as another;
    and in no less than the share of that time which the face has come towards its rest, however fast it did.

    Args:
        hold_s, ease_s: seconds; in less than a frame it is at rest at once.
    """

    def __init__(self, hold_s: float, ease_s: float) -> None:
        self._hold_s, self._ease_s = hold_s, ease_s
        self._held: tuple[Motion, float] | None = None
        self._shown: tuple[Motion, float] | None = None
        self._way: _Way | None = None
        self._seen = -math.inf
        self._time: float | None = None
        self._left = 1.0

    def __call__(
        self, motion: Motion | None, rest: Motion, time: float, *, anew: bool = False
    ) -> tuple[Motion, float]:
        """What the face does now, and the share of it that is driven (1) and not at rest (0).

        Args:
            motion: the driven one; None where there is no driver.
            rest: the face's own.
            time: seconds.
            anew: another driver than before.
        """
        before = time if self._time is None else self._time
        if motion is not None:
            self._shown = self._held = self._driven(motion, before, time, anew=anew)
            self._seen, self._left = time, 1.0
        else:
            self._shown = self._alone(rest, before, time)
        self._time = time
        return self._shown

    def _driven(self, motion: Motion, before: float, time: float, *, anew: bool) -> tuple[Motion, float]:
        missed = before - self._seen
        if self._shown is not None and (anew or missed > 0):
            way, moved = self._way, 1 - _eased(self._left)
            takes_s = _BACK_S if anew else max(min(_BACK_S, _SLOWER * missed), _BACK_S * moved)
            left_s = 0.0 if way is None or anew else way.begun + way.takes_s - self._seen
            if way is None or left_s <= takes_s or moved > 0:
                takes_s = max(takes_s, min(_BACK_S, left_s + _BACK_S * moved))
                self._way = _Way(*self._shown, before, takes_s)
            else:
                # It was on its way and goes on there.
                self._way = way._replace(begun=way.begun + missed)
        done = 1.0 if self._way is None else self._way.done(time)
        if self._way is None or done >= 1:
            self._way = None
            return motion, 1.0
        return between(self._way.start, motion, done), self._way.share + (1 - self._way.share) * done

    def _alone(self, rest: Motion, before: float, time: float) -> tuple[Motion, float]:
        if self._held is None:
            return rest, 0.0
        over_s = time - self._seen - self._hold_s
        if over_s > 0:
            # Of a step across the end of the hold only what lies behind it counts.
            self._left = max(0.0, self._left - min(over_s, max(0.0, time - before)) / max(self._ease_s, 1e-6))
        held, share = self._held
        if self._left >= 1:
            return held, share
        eased = _eased(self._left)
        return (between(rest, held, eased), share * eased) if eased > 0 else (rest, 0.0)


def _eased(part: float) -> float:
    return part**2 * (3 - 2 * part)


def between(one: Motion, other: Motion, share: float) -> Motion:
    """On the way from one Motion (share 0) to another (1); the turn on the shortest arc."""

    def mixed(a: Any, b: Any) -> NDArray[np.float32]:
        return np.asarray(a + (b - a) * np.float32(share), np.float32)

    start = matrix_of(one.rotation)
    arc = vector_of(matrix_of(other.rotation) @ start.T) * share
    size = max(len(one.expression), len(other.expression))
    here, there = (np.pad(m.expression, (0, size - len(m.expression))) for m in (one, other))
    return Motion(
        vector_of(matrix_of(arc) @ start).astype(np.float32),
        mixed(one.shift, other.shift),
        math.exp(math.log(one.scale) * (1 - share) + math.log(other.scale) * share),
        mixed(here, there),
        mixed(one.gaze, other.gaze),
    )
