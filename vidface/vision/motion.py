"""Motion of boxes in seconds: what is believed of a face's place, and how that fades while nobody looks.

Each of centre x, centre y, log width and log height moves with a velocity that decays towards rest
(an integrated Ornstein-Uhlenbeck process, Singer 1970) and is filtered by a two-state Kalman filter
(Kalman 1960). Its exact solution makes one step of 0.2 s equal to two of 0.1 s, so that the frame rate
and its variation do not matter, and a face that is lost coasts to a stop rather than out of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

REST_S = 1.5
"""Seconds in which a velocity decays to 1/e."""

SPEED = np.array([1.2, 1.2, 0.3, 0.3])
"""Typical velocity: face sizes a second for the centre, natural logarithms a second for the sides."""

FIRST_SPEED = np.array([2.0, 2.0, 0.3, 0.3])
"""The same of a face seen for the first time: somebody may be walking past already. Up to 8 face sizes a
second are followed at 5 looks a second; with 2.2 neighbours 1.15 face sizes apart take each other's place."""

NOISE = np.array([0.04, 0.04, 0.07, 0.07])
"""Typical error of a detection, in face sizes and in natural logarithms."""

TAIL = 8.0
"""Degrees of freedom of the t distribution of surprises: people stop and turn oftener than Gaussians say."""

for _table in (SPEED, FIRST_SPEED, NOISE):
    _table.setflags(write=False)


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """What is believed of n faces at the time each was last seen.

    Attributes:
        place: n x 4, centre x and y in pixels, natural logarithm of width and height.
        velocity: n x 4, the same a second.
        variance: n x 4 x 3: of the place, of place with velocity, of the velocity.
    """

    place: Array
    velocity: Array
    variance: Array

    def __len__(self) -> int:
        return len(self.place)

    def pick(self, rows: Any) -> Motion:
        """The given rows (indices or a mask)."""
        return Motion(self.place[rows], self.velocity[rows], self.variance[rows])

    def joined(self, other: Motion) -> Motion:
        """These rows, then those of `other`."""
        return Motion(
            np.concatenate([self.place, other.place]),
            np.concatenate([self.velocity, other.velocity]),
            np.concatenate([self.variance, other.variance]),
        )

    @property
    def boxes(self) -> Array:
        """n x 4, x1 y1 x2 y2 in pixels."""
        return boxes_of(self.place)


def place_of(boxes: NDArray[Any]) -> Array:
    """n x 4 boxes -> n x 4 centre x, centre y, log width, log height; sides of at least 1e-3 px."""
    rows = np.asarray(boxes, np.float64)
    sides = np.maximum(rows[:, 2:] - rows[:, :2], 1e-3)
    return np.concatenate([(rows[:, :2] + rows[:, 2:]) / 2, np.log(sides)], axis=1)


def boxes_of(place: Array) -> Array:
    """The inverse of `place_of`."""
    half = np.exp(place[:, 2:]) / 2
    return np.concatenate([place[:, :2] - half, place[:, :2] + half], axis=1)


def scale_of(place: Array) -> Array:
    """n x 4 units: the face's size in pixels (root of its area) for the centre, 1 for the logarithms."""
    size = np.exp((place[:, 2] + place[:, 3]) / 2)
    ones = np.ones_like(size)
    return np.stack([size, size, ones, ones], axis=1)


def begin(boxes: NDArray[Any]) -> Motion:
    """n faces seen for the first time: at rest as far as known, though they may well be walking."""
    place = place_of(boxes)
    scale = scale_of(place)
    variance = np.zeros((len(place), 4, 3))
    variance[:, :, 0] = (NOISE * scale) ** 2
    variance[:, :, 2] = (FIRST_SPEED * scale) ** 2
    return Motion(place, np.zeros_like(place), variance)


def predict(motion: Motion, gaps_s: NDArray[Any]) -> Motion:
    """The belief `gaps_s` (n seconds, not negative) later, with nothing seen in between."""
    gap = np.asarray(gaps_s, np.float64)[:, None]
    keep = np.exp(-gap / REST_S)
    reach = REST_S * (1 - keep)
    drive = (SPEED * scale_of(motion.place)) ** 2
    pp, pv, vv = motion.variance[:, :, 0], motion.variance[:, :, 1], motion.variance[:, :, 2]
    spread = REST_S**2 * (2 * gap / REST_S - 3 + 4 * keep - keep**2)
    variance = np.stack(
        [
            pp + 2 * reach * pv + reach**2 * vv + drive * np.maximum(spread, 0),
            keep * (pv + reach * vv) + drive * REST_S * (1 - keep) ** 2,
            keep**2 * vv + drive * (1 - keep**2),
        ],
        axis=2,
    )
    return Motion(motion.place + reach * motion.velocity, keep * motion.velocity, variance)


def correct(expected: Motion, boxes: NDArray[Any]) -> Motion:
    """The belief once the n expected faces have been seen at `boxes` (n x 4).

    A surprising box, such as that of a face half hidden, counts for less (the weights of a t distribution).
    """
    seen = place_of(boxes)
    noise = (NOISE * scale_of(seen)) ** 2
    pp, pv, vv = expected.variance[:, :, 0], expected.variance[:, :, 1], expected.variance[:, :, 2]
    surprise = seen - expected.place
    squares = (surprise**2 / (pp + noise)).sum(axis=1, keepdims=True)
    noise = noise * np.maximum((TAIL + squares) / (TAIL + 4), 1)
    total = pp + noise
    variance = np.stack([pp * noise / total, pv * noise / total, vv - pv**2 / total], axis=2)
    return Motion(expected.place + pp / total * surprise, expected.velocity + pv / total * surprise, variance)
