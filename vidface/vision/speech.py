"""Speech: log-mel features, the envelope of a voice, and how well a mouth keeps time with it.

Everything is a function of a stretch of samples alone - no statistics of a whole utterance - so that it
can be taken frame by frame of a stream, and gives the same wherever the stream was entered.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

RATE: Final = 16_000
WINDOW: Final = 400
"""Samples that one row of features sees: 25 ms."""
HOP: Final = 160
"""Samples from one row to the next: 10 ms."""
BANDS: Final = 40
FLOOR_DB: Final = -50.0
"""A stretch whose loudest moment is softer than this is silence; levels in dB against a full-scale sine."""
RANGE_DB: Final = 60.0
"""What lies further than this under the loudest moment counts as nothing."""

_FFT: Final = 512
_LOW_HZ, _HIGH_HZ = 80.0, 7600.0
_VOICE_HZ: Final = (200.0, 4000.0)
_SINE_POWER: Final = 0.5


class LipSync(NamedTuple):
    """How a mouth keeps time with a voice.

    Attributes:
        lag_s: seconds by which the mouth comes behind the voice at the best fit (negative: before it).
        correlation: Pearson's, at that lag.
        confidence: that correlation less the median over all lags that were tried.
    """

    lag_s: float
    correlation: float
    confidence: float


@lru_cache(maxsize=4)
def _filters(bands: int) -> Array:
    """bands x (_FFT / 2 + 1) triangular filters, evenly spaced on the mel scale of O'Shaughnessy (1987)."""
    low, high = (2595 * np.log10(1 + hz / 700) for hz in (_LOW_HZ, _HIGH_HZ))
    edges = 700 * (10 ** (np.linspace(low, high, bands + 2) / 2595) - 1)
    hz = np.arange(_FFT // 2 + 1) * RATE / _FFT
    filters = triangles(edges, hz)
    # The narrowest filters may fall between two lines of the spectrum: then the nearest line is theirs.
    for row in np.flatnonzero(filters.sum(1) == 0):
        filters[row, np.abs(hz - edges[row + 1]).argmin()] = 1
    return np.asarray(filters, np.float32)


def triangles(edges: NDArray[np.float64], hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """b x m: filter i rises from edge i to 1 at edge i + 1 and falls to edge i + 2.

    Args:
        edges: b + 2 frequencies, rising. hz: m frequencies, those of a spectrum's lines.
    """
    rise = (hz - edges[:-2, None]) / np.diff(edges)[:-1, None]
    fall = (edges[2:, None] - hz) / np.diff(edges)[1:, None]
    return np.asarray(np.clip(np.minimum(rise, fall), 0, None))


def _power(samples: Any) -> Array:
    """n x (_FFT / 2 + 1): power spectrum of each Hann window; that of a full-scale sine sums to 0.5."""
    signal = np.asarray(samples, np.float32)
    if len(signal) < WINDOW:
        return np.zeros((0, _FFT // 2 + 1), np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(signal, WINDOW)[::HOP]
    taper = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
    spectrum = np.fft.rfft(windows * taper, _FFT)
    power = (spectrum.real**2 + spectrum.imag**2) * (2 / (_FFT * float((taper**2).sum())))
    return np.asarray(power, np.float32)


def mel_energies(samples: Any, *, bands: int = BANDS) -> tuple[Array, Array]:
    """n x bands energies, and the n powers of the whole spectrum; windows as those of `log_mel`."""
    power = _power(samples)
    return np.asarray(power @ _filters(bands).T, np.float32), np.asarray(power.sum(1), np.float32)


def log_mel(samples: Any, *, bands: int = BANDS) -> Array:
    """Features of a stretch of speech, from 0 (silence) to about 1 (its loudest moment).

    Log energies of mel-spaced bands (Davis and Mermelstein 1980, without the cosine transform) in windows of
    25 ms every 10 ms. In place of normalisation over an utterance, levels are taken against the loudest
    moment of this stretch, or against `FLOOR_DB` where that is louder.

    Args:
        samples: m floats in [-1, 1], 16 kHz.

    Returns:
        n x bands float32 with n = 1 + (m - WINDOW) // HOP (0 where m < WINDOW); row i sees the samples
        i * HOP ... i * HOP + WINDOW - 1.
    """
    energy, power = mel_energies(samples, bands=bands)
    loudest = max(float(power.max(initial=0)) / _SINE_POWER, 10 ** (FLOOR_DB / 10))
    level = 10 * np.log10(energy / (_SINE_POWER * loudest) + 10 ** (-RANGE_DB / 10 - 2))
    return np.asarray(np.clip(level / RANGE_DB + 1, 0, None), np.float32)


def envelope(samples: Any, *, smooth_hz: float = 8.0) -> Array:
    """How loud a voice is, every 10 ms: root of the power between 200 and 4000 Hz, smoothed.

    The envelope in the voice's band, below some 8 Hz, is what the opening of the mouth follows
    (Chandrasekaran et al. 2009, PLoS Computational Biology 5(7)).

    Args:
        samples: m floats, 16 kHz.
        smooth_hz: where a Gaussian has let the modulation fall to one half.

    Returns:
        n float32 as in `log_mel`; value i is that of the time (i * HOP + WINDOW / 2) / RATE.
    """
    power = _power(samples)
    hz = np.arange(_FFT // 2 + 1) * RATE / _FFT
    voice = np.sqrt(power[:, (hz >= _VOICE_HZ[0]) & (hz <= _VOICE_HZ[1])].sum(1) / _SINE_POWER)
    return smoothed(voice, RATE / HOP, smooth_hz)


def smoothed(values: Any, rate: float, cutoff_hz: float) -> Array:
    """A row of values at `rate` a second under a Gaussian that halves what swings at `cutoff_hz`."""
    row = np.asarray(values, np.float64)
    sigma = rate * np.sqrt(2 * np.log(2)) / (2 * np.pi * cutoff_hz)
    reach = max(1, int(np.ceil(3 * sigma)))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    weight = np.convolve(np.ones(len(row)), kernel)[reach : reach + len(row)]
    return np.asarray(np.convolve(row, kernel)[reach : reach + len(row)] / weight, np.float32)


def lip_sync(
    times: Any, opening: Any, voice: Any, *, voice_start: float, most_lag_s: float = 0.5
) -> LipSync | None:
    """Correlation of a mouth's opening with the envelope of a voice, at the lag where it is highest.

    Args:
        times: n seconds of the frames, rising.
        opening: n floats, any unit; NaN where not measured.
        voice: the values of `envelope`.
        voice_start: seconds of its first value (the first sample's time + WINDOW / 2 / RATE).
        most_lag_s: lags from minus this to plus this are tried, in steps of 10 ms.

    Returns:
        None where fewer than 20 frames are known, or mouth or voice do not change.
    """
    when, mouth, row = (np.asarray(values, np.float64) for values in (times, opening, voice))
    known = np.isfinite(mouth)
    when, mouth = when[known], mouth[known]
    if len(mouth) < 20 or mouth.std() < 1e-9 or len(row) < 2 or row.std() < 1e-9:
        return None
    at = voice_start + np.arange(len(row)) * HOP / RATE
    lags = np.arange(-round(most_lag_s * RATE / HOP), round(most_lag_s * RATE / HOP) + 1) * HOP / RATE
    found = np.array([_pearson(mouth, np.interp(when - lag, at, row)) for lag in lags])
    best = int(found.argmax())
    return LipSync(_peak(lags, found, best), float(found[best]), float(found[best] - np.median(found)))


def _pearson(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    a, b = one - one.mean(), other - other.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 1e-12 else 0.0


def _peak(lags: NDArray[np.float64], found: NDArray[np.float64], best: int) -> float:
    """The lag of the parabola through the best value and its neighbours."""
    if not 0 < best < len(lags) - 1:
        return float(lags[best])
    before, here, after = found[best - 1 : best + 2]
    bend = before - 2 * here + after
    shift = 0.0 if abs(bend) < 1e-12 else 0.5 * (before - after) / bend
    return float(lags[best] + shift * (lags[1] - lags[0]))
