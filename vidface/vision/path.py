"""Smooth paths through noisy ones, in seconds: neighbours behind and ahead, or behind alone when live.

A path is an array of numbers (real or complex), one a frame, with the frames' times. The smooth value is
that of a straight line fitted by least squares under a Gaussian window (local linear regression; Cleveland
1979), so that steady motion comes through unchanged and the ends do not lag as an average would.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

REACH: Final = 3.0
"""Windows end at this many sigmas."""


def smooth_at(times: Any, values: Any, at: float, sigma_s: float) -> NDArray[Any]:
    """The value of the local line at one time.

    Args:
        times: n seconds.
        values: n or n x k numbers, real or complex, known at those times.
        at: seconds.
        sigma_s: width of the Gaussian window in seconds; 0 gives the nearest value.

    Returns:
        One value, or k.

    Raises:
        ValueError: no values, or lengths that differ.
    """
    clock, path = np.asarray(times, np.float64), np.asarray(values)
    if not len(clock) or len(clock) != len(path):
        raise ValueError(f"a path wants as many values as times, but got {len(path)} and {len(clock)}")
    away = clock - at
    if sigma_s <= 0:
        return np.asarray(path[np.abs(away).argmin()])
    weights = np.exp(-0.5 * (away / sigma_s) ** 2) * (np.abs(away) <= REACH * sigma_s)
    total = weights.sum()
    if total < 1e-12:
        return np.asarray(path[np.abs(away).argmin()])
    middle, mean = weights @ away / total, np.tensordot(weights, path, 1) / total
    spread = weights @ (away - middle) ** 2
    if spread < 1e-12:
        return np.asarray(mean)
    slope = np.tensordot(weights * (away - middle), path, 1) / spread
    return np.asarray(mean - slope * middle)


def unwrapped_log(factors: Any) -> NDArray[np.complex128]:
    """Logarithms of complex factors (scale and turn) along a path, without jumps by a full circle."""
    path = np.asarray(factors, np.complex128)
    logs: NDArray[np.complex128] = np.log(np.abs(path)) + 1j * np.unwrap(np.angle(path))
    return logs


def ease(part: float) -> float:
    """0 at 0, 1 at 1, with a level start and end (3 p^2 - 2 p^3); clipped outside."""
    p = min(max(part, 0.0), 1.0)
    return p * p * (3 - 2 * p)
