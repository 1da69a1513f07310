"""Noise of one plane of a moving picture: how much there is, averages over time, and what they leave.

A plane keeps a running mean of its past and, for every sample, how many frames that mean is of (recursive
temporal averaging; Dubois and Sabri 1984). Where the past does not fit the present, by the measured noise
level, the count falls to one: nothing of the past remains. What noise the count leaves is smoothed in space
by a local Wiener filter (Lee 1980) whose coefficients are averaged (as in He et al. 2010).

Values are 8-bit codes in float32, whatever the depth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]

LEAST: Final = 0.4
"""Noise below this, in 8-bit codes, is no more than rounding."""
_BLOCK: Final = 16
"""Side of a block that noise is measured on, in coefficients of the high-pass."""
_FLAT: Final = 0.3
"""Quantile of the blocks that is taken for the noise: the rest may be texture."""
_BOX: Final = (5, 5)
_CALM, _MOVED = 1.75, 3.75
"""Differences, in standard errors of a box, up to which nothing moves, and from which everything does."""
_CLEARLY: Final = 0.1
_ABS_MEAN: Final = 0.798
_ABS_ERROR: Final = 0.12
"""Mean of a standard normal's absolute value, and standard error of its mean over a box."""


def noise_level(plane: Plane) -> float:
    """Standard deviation of the noise of a plane, in its own unit.

    The diagonal Haar coefficients see little but noise and texture; of their mean absolute values in
    blocks a low quantile is taken (block-based estimation, as surveyed by Olsen 1993). Blocks at the ends
    of the range, where noise is clipped, are left out where there are others. 0 for pictures smaller than
    two samples.
    """
    even = plane[: plane.shape[0] // 2 * 2, : plane.shape[1] // 2 * 2]
    rows = even[0::2] - even[1::2]
    return _quietest((rows[:, 0::2] - rows[:, 1::2]) * np.float32(0.5), even[0::2, 0::2])


def _quietest(detail: Plane, plane: Plane) -> float:
    """Standard deviation of zero-mean values in the quiet blocks; `plane` says where noise is clipped."""
    sides = (size for size in (_BLOCK, _BLOCK // 2) if min(plane.shape) >= 8 * size)
    block = next(sides, max(1, min(_BLOCK // 2, *plane.shape)))
    across, down = plane.shape[1] // block, plane.shape[0] // block
    if not across or not down:
        return 0.0
    # Whole blocks: then area averages are fast.
    whole = (slice(down * block), slice(across * block))
    blocks, means = (
        cv2.resize(one[whole], (across, down), interpolation=cv2.INTER_AREA)
        for one in (np.abs(detail), plane)
    )
    inside = blocks[(means > 20) & (means < 230)]
    chosen = inside if 4 * inside.size > blocks.size else blocks
    return float(np.quantile(chosen, _FLAT)) / _ABS_MEAN


@dataclass(slots=True)
class Past:
    """What is known of a plane from before.

    Attributes:
        mean: H x W float32.
        count: H x W float32, frames that each sample's mean is of, 1 or more.
    """

    mean: Plane
    count: Plane

    @classmethod
    def of(cls, plane: Plane) -> Past:
        """A plane seen for the first time."""
        return cls(plane.copy(), np.ones_like(plane))

    def moved(self, places: tuple[Plane, Plane]) -> Past:
        """Brought to the present.

        Args:
            places: x and y, in samples, of where each sample of the present was.
        """
        how: dict[str, Any] = {"borderMode": cv2.BORDER_REPLICATE}
        return Past(
            np.asarray(cv2.remap(self.mean, *places, cv2.INTER_CUBIC, **how), np.float32),
            np.asarray(cv2.remap(self.count, *places, cv2.INTER_NEAREST, **how), np.float32),
        )


def fit(now: Plane, past: Past, noise: float) -> Plane:
    """How well the past fits each sample of the present: 1 where noise alone parts them, 0 where not at all.

    Judged over boxes by the mean of the differences (a faint thing that moves) and by the mean of their sizes
    (fine texture that moves), and by the worst place near by, so that edges are not left behind.
    """
    error = cv2.divide(now - past.mean, cv2.sqrt(1 + 1 / past.count) * np.float32(noise))
    whole = np.abs(cv2.blur(error, _BOX)) * np.float32(_BOX[0])
    parts = (cv2.blur(np.abs(error), _BOX) - np.float32(_ABS_MEAN)) / np.float32(_ABS_ERROR)
    worst = cv2.max(whole, parts)
    fits = np.clip((_MOVED - worst) / np.float32(_MOVED - _CALM), 0, 1)
    return np.asarray(cv2.erode(fits, np.ones((3, 3), np.uint8)), np.float32)


def change_level(now: Plane, past: Past) -> float:
    """Standard deviation of the noise by how the present differs from the past, in the quiet blocks.

    Sees noise that is coarse, as codecs and scalers leave it, which `noise_level` hardly does; but takes
    for noise what moves everywhere.
    """
    half = (slice(0, None, 2), slice(0, None, 2))
    error = (now[half] - past.mean[half]) / cv2.sqrt(1 + 1 / past.count[half])
    return _quietest(np.asarray(error, np.float32), now[half])


def better_of(
    past: Past, fits: Plane, other: Past, other_fits: Plane
) -> tuple[Past, Plane, NDArray[np.bool_]]:
    """Of two accounts of the past, at each sample the one that fits; and where it is the second one."""
    second = other_fits > fits + _CLEARLY
    mixed = Past(np.where(second, other.mean, past.mean), np.where(second, other.count, past.count))
    return mixed, np.where(second, other_fits, fits), second


def averaged(now: Plane, past: Past, fits: Plane, longest: float) -> Past:
    """The mean with the present in it; `longest` is the most frames that it is of."""
    count = np.minimum(past.count * fits, np.float32(longest - 1)) + 1
    return Past(past.mean + (now - past.mean) / count, count)


def smoothed(plane: Plane, variance: Plane | float) -> Plane:
    """A plane smoothed as far as its noise (variance, per sample or one for all) reaches."""
    mean = cv2.blur(plane, _BOX)
    power = cv2.blur(plane * plane, _BOX) - mean * mean
    kept = np.maximum(power - variance, 0) / np.maximum(power, np.float32(1e-3))
    rest = cv2.blur(mean - kept * mean, _BOX)
    return np.asarray(cv2.blur(kept, _BOX) * plane + rest, np.float32)
