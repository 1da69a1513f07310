"""Speech-like sound: a pulse train through three resonators per vowel, in syllables and pauses. No words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

RATE = 48_000
# Mean formants in Hz of the vowels i, a, u, e, o (rounded from the usual textbook charts).
VOWELS = ((300, 2300, 3000), (750, 1250, 2500), (320, 800, 2300), (500, 1900, 2550), (480, 900, 2450))


def voices(duration_s: float) -> NDArray[np.float32]:
    """Two voices taking turns, one left and one right of the middle. Returns 2 x N float32 in [-1, 1]."""
    total = round(duration_s * RATE)
    rng = np.random.default_rng(20)
    out = np.zeros((2, total))
    at, turn = 0.25, 0
    while at < duration_s - 1.6:
        phrase = _phrase(rng, pitch_hz=(205.0, 150.0)[turn % 2], syllables=int(rng.integers(4, 8)))
        start = round(at * RATE)
        piece = phrase[: total - start]
        near, far = 0.8, 0.35
        out[turn % 2, start : start + piece.size] += near * piece
        out[1 - turn % 2, start : start + piece.size] += far * piece
        at += phrase.size / RATE + float(rng.uniform(0.2, 0.5))
        turn += 1
    out += rng.normal(0.0, 0.0015, out.shape)
    return np.asarray(0.5 * out / np.abs(out).max(), np.float32)


def _phrase(rng: np.random.Generator, *, pitch_hz: float, syllables: int) -> NDArray[np.float64]:
    parts = []
    for i in range(syllables):
        length = round(float(rng.uniform(0.13, 0.24)) * RATE)
        time = np.arange(length) / RATE
        fall = pitch_hz * (1.08 - 0.04 * i) * (1 + 0.03 * np.sin(2 * np.pi * 5.0 * time))
        phase = np.cumsum(fall) / RATE
        source = np.diff(np.floor(phase), prepend=0.0) + rng.normal(0.0, 0.01, length)
        voiced = _resonate(source, VOWELS[int(rng.integers(len(VOWELS)))])
        parts += [voiced / np.abs(voiced).max() * np.sin(np.pi * np.linspace(0, 1, length)) ** 0.6]
        parts += [np.zeros(round(float(rng.uniform(0.02, 0.07)) * RATE))]
    return np.concatenate(parts)


def _resonate(source: NDArray[np.float64], formants: tuple[int, ...]) -> NDArray[np.float64]:
    """Second-order resonators in series, as in a formant synthesiser (Klatt, 1980)."""
    signal = source
    for i, centre in enumerate(formants):
        radius = np.exp(-np.pi * (80.0 + 40.0 * i) / RATE)
        pole = 2 * radius * np.cos(2 * np.pi * centre / RATE)
        signal = lfilter([1 - pole + radius**2], [1, -pole, radius**2], signal)
    return np.asarray(signal, np.float64)
