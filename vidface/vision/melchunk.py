"""The piece of sound that Wav2Lip and its kin see of a frame: 80 mel bands, 16 steps of 12.5 ms.

K. R. Prajwal et al., "A lip sync expert is all you need for speech to lip generation in the wild" (ACM MM
2020). Their networks only know numbers made exactly so: pre-emphasis 0.97, Hann windows of 800 samples every
200 at 16 kHz, magnitudes, the mel scale of Slaney's Auditory Toolbox from 55 to 7600 Hz with bands of equal
area, decibels from -100 to 0 (20 above full scale taken off) brought to -4..4.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.vision.speech import triangles

Array = NDArray[np.float32]

RATE: Final = 16_000
BANDS: Final = 80
STEPS: Final = 16
WINDOW: Final = 800
HOP: Final = 200
REACH: Final = (WINDOW // 2 + 1, (STEPS - 1) * HOP + WINDOW // 2)
"""Samples before and from a frame's own place on that a chunk needs; one more in front for pre-emphasis."""

_PREEMPHASIS: Final = 0.97
_LOW_HZ, _HIGH_HZ = 55.0, 7600.0
_REFERENCE_DB, _LEAST_DB = 20.0, -100.0
_LARGEST: Final = 4.0
_LINEAR_HZ, _BEND_HZ, _BEND_MEL = 200 / 3, 1000.0, 15.0
_LOG_STEP: Final = float(np.log(6.4) / 27)


def mel_chunk(samples: Any) -> Array:
    """80 x 16 float32, -4..4: step i is that of the time of the frame plus i x 12.5 ms.

    Args:
        samples: REACH[0] + REACH[1] floats in [-1, 1], 16 kHz, of which number REACH[0] is the frame's.

    Raises:
        ValueError: another number of samples.
    """
    signal = np.asarray(samples, np.float64)
    if signal.shape != (sum(REACH),):
        raise ValueError(f"a mel chunk is made of {sum(REACH)} samples, but got {signal.shape}")
    sharp = signal[1:] - _PREEMPHASIS * signal[:-1]
    windows = np.lib.stride_tricks.sliding_window_view(sharp, WINDOW)[::HOP]
    size = np.abs(np.fft.rfft(windows * np.hanning(WINDOW + 1)[:-1], axis=1))
    level = 20 * np.log10(np.maximum(10 ** (_LEAST_DB / 20), size @ filters().T)) - _REFERENCE_DB
    scaled = 2 * _LARGEST * (level - _LEAST_DB) / -_LEAST_DB - _LARGEST
    return np.asarray(np.clip(scaled, -_LARGEST, _LARGEST).T, np.float32)


@lru_cache(maxsize=1)
def filters() -> NDArray[np.float64]:
    """80 x 401: triangles between neighbouring bands on Slaney's mel scale, each of the same area."""
    edges = _hz(np.linspace(_mel(_LOW_HZ), _mel(_HIGH_HZ), BANDS + 2))
    hz = np.arange(WINDOW // 2 + 1) * RATE / WINDOW
    table = triangles(edges, hz) * (2 / (edges[2:] - edges[:-2]))[:, None]
    table.setflags(write=False)
    return np.asarray(table)


def _mel(hz: float) -> float:
    """Linear up to 1000 Hz, logarithmic above."""
    return hz / _LINEAR_HZ if hz < _BEND_HZ else _BEND_MEL + float(np.log(hz / _BEND_HZ)) / _LOG_STEP


def _hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    above = _BEND_HZ * np.exp(_LOG_STEP * (np.maximum(mel, _BEND_MEL) - _BEND_MEL))
    return np.asarray(np.where(mel < _BEND_MEL, mel * _LINEAR_HZ, above))
