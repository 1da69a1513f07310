"""Makes the small sound files that tests hear: tones, clicks, late starts, gaps."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]


def tone(seconds: float, *, rate: int = 16_000, hz: float = 220.0, level: float = 0.5) -> Samples:
    """A sine."""
    time = np.arange(round(seconds * rate)) / rate
    return np.asarray(level * np.sin(2 * np.pi * hz * time), np.float32)


def clicks(seconds: float, at: list[float], *, rate: int = 16_000) -> Samples:
    """Silence with a 4 ms bump (Hann, so that a resampler keeps its place) at each of the times."""
    out = np.zeros(round(seconds * rate), np.float32)
    bump = np.hanning(round(0.004 * rate)).astype(np.float32)
    for time in at:
        first = round(time * rate) - len(bump) // 2
        out[first : first + len(bump)] += 0.8 * bump
    return out


def write_sound(
    path: Path,
    pieces: list[tuple[float, Samples]],
    *,
    rate: int = 16_000,
    codec: str = "pcm_s16le",
    channels: int = 1,
) -> Path:
    """Write pieces of sound, each at its own start time, into one track."""
    layout = "mono" if channels == 1 else "stereo"
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream(codec, rate=rate, layout=layout)
        for start, samples in pieces:
            whole = np.repeat((samples * 32767).astype(np.int16), channels)[None]
            step = 1024 * channels
            for first in range(0, whole.shape[1], step):
                frame = av.AudioFrame.from_ndarray(whole[:, first : first + step], "s16", layout)
                frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
                frame.pts = round(start * rate) + first // channels
                output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def peaks(samples: Samples, *, first: int = 0, rate: int = 16_000) -> list[float]:
    """Seconds of the middles of the bumps that `clicks` made; `first` is the place of the first sample."""
    loud = np.flatnonzero(np.abs(samples) > 0.2)
    groups = np.split(loud, np.flatnonzero(np.diff(loud) > 160) + 1) if len(loud) else []
    return [float((first + (np.abs(samples[g]) * g).sum() / np.abs(samples[g]).sum()) / rate) for g in groups]
