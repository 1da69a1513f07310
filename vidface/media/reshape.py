"""Sound of one shape out of sound whose rate, layout or format changes on the way."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from av.audio.format import AudioFormat
from av.audio.resampler import AudioResampler

_GAP_S = Fraction(1, 50)  # containers round times; what lies further apart is a gap or a leap


class Reshaper:
    """Resamples decoded sound; what comes before a change of shape or a gap is finished before it.

    FFmpeg's resampler takes one shape only, and would stretch sound over a gap.

    Args:
        samples: their format, as they come out.
        layout: "mono" or "stereo".
        rate: samples a second.
    """

    def __init__(self, samples: AudioFormat | str, layout: str, rate: int) -> None:
        self._wanted = (samples, layout, rate)
        self._resampler = AudioResampler(*self._wanted)
        self._shape: tuple[Any, ...] | None = None
        self._expected: Fraction | None = None

    def take(self, frame: Any) -> list[Any]:
        """What is ready with this frame (`av.AudioFrame`, as what comes out)."""
        begin = None if frame.pts is None else frame.pts * frame.time_base
        here = (frame.sample_rate, frame.layout.name, frame.format.name)
        jump = self._expected is not None and begin is not None and abs(begin - self._expected) > _GAP_S
        before: list[Any] = []
        if self._shape is not None and (here != self._shape or jump):
            before = self._resampler.resample(None)
            self._resampler = AudioResampler(*self._wanted)
        self._shape = here
        self._expected = None if begin is None else begin + Fraction(frame.samples, frame.sample_rate)
        return [*before, *self._resampler.resample(frame)]

    def rest(self) -> list[Any]:
        """What the resampler still holds; nothing more may come after it."""
        return [] if self._shape is None else self._resampler.resample(None)
