"""Sound: what is heard around one frame, on an exact grid of samples."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import floor
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from vidface.data._arrays import frozen_array
from vidface.data.frame import Frame

SOUND_RATE: Final = 16_000
"""Samples a second, mono: speech has little above 8 kHz that lips would show."""
PAST: Final = SOUND_RATE
"""Samples before a frame's time that its Sound holds: 1 s."""
AHEAD: Final = SOUND_RATE // 2
"""Samples from a frame's time on that its Sound holds: 0.5 s."""


def sample_at(time: Fraction) -> int:
    """The last sample at or before a time: sample i lies at exactly i / SOUND_RATE seconds."""
    return floor(time * SOUND_RATE)


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """The second before a frame and the half second from it on, mono, 16 kHz.

    Samples lie on one grid for the whole stream, so the pieces of two frames agree where they overlap,
    and what is made of them does not depend on where a run began.

    Attributes:
        samples: float32 in [-1, 1]; 0 before the track begins, behind its end and in its gaps.
        first: place of the first sample on the grid; its time is first / SOUND_RATE seconds of the input's
            own clock (negative places are before zero).
        now: place of the frame's own time.
        heard: there is a track; without one every sample is 0.
    """

    samples: NDArray[np.float32]
    first: int
    now: int
    heard: bool = True

    def __post_init__(self) -> None:
        array = frozen_array("Sound.samples", self.samples, dtype=np.float32, shape=(None,))
        object.__setattr__(self, "samples", array)

    @classmethod
    def none(cls, now: int = 0) -> Sound:
        """No track: silence around the grid's place `now`."""
        return cls(np.zeros(PAST + AHEAD, np.float32), now - PAST, now, heard=False)

    @property
    def time(self) -> Fraction:
        """Seconds of the first sample, exact."""
        return Fraction(self.first, SOUND_RATE)

    def part(self, start: int, count: int) -> NDArray[np.float32]:
        """`count` samples from the grid's place `start` on; 0 where this Sound does not reach."""
        low, high = max(start, self.first), min(start + count, self.first + len(self.samples))
        found = np.zeros(count, np.float32)
        if high > low:
            found[low - start : high - start] = self.samples[low - self.first : high - self.first]
        return found


class SoundSource(Protocol):
    """Whatever gives the sound of each frame of a run, in order."""

    def at(self, frame: Frame) -> Sound:
        """The sound around a frame."""

    def facts(self) -> dict[str, Any]:
        """For run.json: where it came from, what was odd; sentences for the user under "notes"."""

    def close(self) -> None:
        """Give back the file; safe to call twice."""
