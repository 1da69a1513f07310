"""Clock: the times of an output, exact where its container can hold them."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from av.packet import Packet
from av.video.frame import PictureType, VideoFrame

from vidface.data.frame import Frame

KEY_EVERY_S = 2  # a killed run loses no more than this
_MAX_TIMESCALE = 2**31 - 1
_MIN_TIMESCALE = 10_000
_MS = Fraction(1, 1000)


def output_time_base(frame: Frame) -> Fraction:
    """The unit that holds every time of a stream like this one: 1/n s, as mp4 wants it."""
    return Fraction(1, min(frame.time_base.denominator, _MAX_TIMESCALE))


def timescale(base: Fraction) -> int:
    """Units a second of an mp4 track: a multiple of the time base's, fine enough for players."""
    scale = base.denominator
    while scale < _MIN_TIMESCALE:
        scale *= 2
    return scale


@dataclass(slots=True)
class Clock:
    """Puts times on frames before, and durations on packets after the encoder.

    Attributes:
        base: seconds per unit of the encoder.
        coarse: the container counts milliseconds whatever it is told (Matroska, WebM).
    """

    base: Fraction
    coarse: bool
    notes: list[str] = field(default_factory=list)
    _first: int | None = None
    _last: int | None = None
    _end: int = 0
    _first_dts: int | None = None
    _next_key: Fraction | None = None
    _durations: dict[int, int] = field(default_factory=dict)

    def stamp(self, picture: VideoFrame, frame: Frame) -> None:
        """Write the frame's time on the picture, and ask for a key frame where one is due."""
        exact = frame.time / self.base
        pts = round(exact)
        if pts != exact or (self.coarse and frame.time % _MS):
            unit = "milliseconds" if self.coarse else f"1/{self.base.denominator} s"
            self.notes.append(f"the container counts in {unit}: times were rounded")
        if self._last is not None and pts <= self._last:
            pts = self._last + 1
            self.notes.append("a time repeated or went back and was moved behind the one before")
        self._first = pts if self._first is None else self._first
        self._last = pts
        duration = round(frame.duration * frame.time_base / self.base)
        self._end = pts + duration
        self._durations[pts] = duration
        picture.pts, picture.time_base, picture.duration = pts, self.base, duration
        if self._next_key is None or frame.time >= self._next_key:
            picture.pict_type = PictureType.I
            self._next_key = frame.time + KEY_EVERY_S

    def settle(self, packets: list[Packet[Any]], *, last: bool = False) -> None:
        """Write durations on packets as they come out; `last` marks the end of the stream.

        mp4 has no end but the sum of its packets' durations: the very last one is made to reach the
        end of the last frame shown.
        """
        for packet in packets:
            duration = self._durations.pop(packet.pts, 0) if packet.pts is not None else 0
            if duration:
                packet.duration = duration
            if self._first_dts is None:
                self._first_dts = packet.dts
        tail = packets[-1] if last and packets else None
        if tail is None or tail.dts is None or self._first is None or self._first_dts is None:
            return
        if not self.coarse and self._end > (self._last or 0):
            tail.duration = max(1, (self._end - self._first) - (tail.dts - self._first_dts))
