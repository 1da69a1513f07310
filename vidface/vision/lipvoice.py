"""Whether lips follow a voice: correlation over lags, and what the same movements give against other moments.

The area of the mouth's opening follows the envelope of the voice below some 8 Hz, with a lag of a tenth of a
second or two (Chandrasekaran et al. 2009, PLoS Computational Biology 5(7)).
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vidface.vision.meshtopology import EYE_LEFT, EYE_RIGHT
from vidface.vision.speech import smoothed

Array = NDArray[np.float64]

STEP_S: Final = 0.02
"""Mouth and voice are compared on a grid this fine."""
_PAIRS: Final = ((13, 14), (82, 87), (312, 317), (81, 178), (311, 402))
"""Points of the inner lips above each other."""
_SMOOTH_HZ: Final = 6.0


class Sync(NamedTuple):
    """How lips follow a voice.

    Attributes:
        correlation: Pearson's at the best lag.
        lag_s: seconds by which the lips come behind the voice there (negative: before it).
        null_mean, null_high: mean and 95th percentile of the same score with the voice turned round to
            other moments of the window.
        better: share of these moments that score as high or higher.
    """

    correlation: float
    lag_s: float
    null_mean: float
    null_high: float
    better: float


def lip_gap(points: Any) -> Array:
    """How far inner lips are apart, over the distance between the eyes, in space.

    Args:
        points: ... x 478 x 3.

    Returns:
        ... float64; NaN where the mesh is, or where the eyes coincide.
    """
    mesh = np.asarray(points, np.float64)
    upper, lower = (mesh[..., [pair[i] for pair in _PAIRS], :] for i in (0, 1))
    gap = np.linalg.norm(upper - lower, axis=-1).mean(-1)
    left, right = (mesh[..., list(ring), :].mean(-2) for ring in (EYE_LEFT, EYE_RIGHT))
    eyes = np.linalg.norm(left - right, axis=-1)
    return np.asarray(np.divide(gap, eyes, out=np.full_like(eyes, np.nan), where=eyes > 1e-6))


def follow(mouth: tuple[Any, Any], voice: tuple[Any, Any], *, most_lag_s: float = 0.4) -> Sync | None:
    """How well a mouth's opening follows a voice within a window.

    Args:
        mouth: n times in seconds, rising, and n openings.
        voice: m even times and m levels; best where they reach past the mouth's by the largest lag.
        most_lag_s: lags from minus this to plus this are tried.

    Returns:
        None where mouth or voice do not change, or the window is shorter than five times the largest lag.
    """
    when, gaps = (np.asarray(values, np.float64) for values in mouth)
    heard_at, levels = (np.asarray(values, np.float64) for values in voice)
    if len(when) < 2 or when[-1] - when[0] < 5 * most_lag_s:
        return None
    grid = np.arange(when[0], when[-1], STEP_S)
    lips = smoothed(np.interp(grid, when, gaps), 1 / STEP_S, _SMOOTH_HZ).astype(np.float64)
    reach = round(most_lag_s / STEP_S)
    lags = np.arange(-reach, reach + 1) * STEP_S
    rows = np.stack([np.interp(grid - lag, heard_at, levels) for lag in lags])
    if lips.std() < 1e-9 or rows.std(1).max() < 1e-9:
        return None
    found = _correlations(lips, rows)
    best = int(found.argmax())
    nulls = _nulls(lips, rows[reach], reach)
    return Sync(
        float(found[best]),
        float(lags[best]),
        float(nulls.mean()),
        float(np.percentile(nulls, 95)),
        float((nulls >= found[best]).mean()),
    )


def _correlations(lips: Array, rows: Array) -> Array:
    a, b = lips - lips.mean(), rows - rows.mean(1, keepdims=True)
    size = np.sqrt((a @ a) * (b * b).sum(1))
    return np.asarray(np.divide(b @ a, size, out=np.zeros(len(rows)), where=size > 1e-12))


def _nulls(lips: Array, voice: Array, reach: int) -> Array:
    """The best correlation within as many lags, about every other moment, with the voice turned round."""
    count = len(lips)
    a, b = lips - lips.mean(), voice - voice.mean()
    size = max(float(np.sqrt((a @ a) * (b @ b))), 1e-12)
    turned = np.fft.irfft(np.fft.rfft(a) * np.conj(np.fft.rfft(b)), count) / size
    centres = np.arange(2 * reach + 1, count - 2 * reach)
    spread = np.arange(-reach, reach + 1)
    return np.asarray(turned[(centres[:, None] + spread) % count].max(1))
