"""How much the identity of a face wanders within a track.

The embedding of one real face moves with pose, light and blur. Means over half a second take most of the
noise away; the angle between each of them and the mean of all is the wander. How much is usual depends on how
much head and expression moved and on how good the pictures are: `Wander.terms`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vidface.vision.looks import fuse, weights_of
from vidface.vision.personlook import Sample

Array = NDArray[np.float64]

BIN_S: Final = 0.5
LEAST_BINS: Final = 3
TERMS: Final = 4
_USUAL_TURN_DEG: Final = 5.0
_USUAL_EXPRESSION: Final = 0.05
_EXPRESSIVE: Final = 20.0
"""Brings the spread of expressions to the order of that of turns."""
_LEAST_IN_BIN: Final = 2


class Wander(NamedTuple):
    """What a stretch of a track says.

    Attributes:
        degrees: root mean square angle of the short-time means to their common mean.
        worst: the largest of these angles. worst_time: the middle of its half second.
        bins: short-time means. samples: embedded frames.
        terms: `TERMS` numbers that the logarithm of the wander leans on: 1, lack of recognisability, and
            logarithms of how much yaw and pitch spread in degrees, and of how much expressions do.
    """

    degrees: float
    worst: float
    worst_time: float
    bins: int
    samples: int
    terms: Array


def wander(samples: Sequence[Sample]) -> Wander | None:
    """Samples of one track in order of time -> its wander; None with fewer than three half seconds of it."""
    known = [one for one in samples if len(one.vector)]
    if not known:
        return None
    start = known[0].time
    groups: dict[int, list[Sample]] = {}
    for one in known:
        groups.setdefault(int((one.time - start) / BIN_S), []).append(one)
    kept = {place: group for place, group in groups.items() if len(group) >= _LEAST_IN_BIN}
    if len(kept) < LEAST_BINS:
        return None
    means = np.stack([_mean(group) for group in kept.values()])
    middle = fuse(means)
    angles = np.degrees(np.arccos(np.clip(means @ middle, -1, 1)))
    worst = int(angles.argmax())
    used = [one for group in kept.values() for one in group]
    return Wander(
        degrees=float(np.sqrt((angles**2).mean())),
        worst=float(angles[worst]),
        worst_time=start + (list(kept)[worst] + 0.5) * BIN_S,
        bins=len(kept),
        samples=len(used),
        terms=_terms(used),
    )


def _terms(samples: Sequence[Sample]) -> Array:
    sure = [one.recognisability for one in samples if math.isfinite(one.recognisability)]
    turns = np.array([one.angles[:2] for one in samples])
    turns = turns[np.isfinite(turns).all(axis=1)]
    spread = float(np.hypot(*turns.std(axis=0))) if len(turns) > 1 else _USUAL_TURN_DEG
    faces = [one.does for one in samples if len(one.does)]
    moved = float(np.std(np.stack(faces), axis=0).mean()) if len(faces) > 1 else _USUAL_EXPRESSION
    lack = 1 - (float(np.mean(sure)) if sure else 0.5)
    return np.array([1.0, lack, math.log1p(spread), math.log1p(_EXPRESSIVE * moved)])


def _mean(samples: Sequence[Sample]) -> NDArray[np.float32]:
    weights = np.maximum(weights_of([one.recognisability for one in samples]), 1e-3)
    return fuse(np.stack([one.vector for one in samples]), weights, rounds=0)
