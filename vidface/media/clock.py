"""Clock: the times of an output, exact where its container can hold them."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from av.packet import Packet
from av.video.frame import PictureType, VideoFrame

from vidface.data.frame import Frame
from vidface.media.steps import FINEST, IN_HAND, Steps

KEY_EVERY_S = 2  # a killed run loses no more than this
BACK_S = 1  # as in `timeline`: a step back by more is a new clock
_MAX_TIMESCALE = 2**31 - 1
_MIN_TIMESCALE = 10_000
_FINE = 1_000_000
# mp4 writes in 31 bits how far a frame is from the next, and from its decoding, that is from the frames
# that an encoder with B-frames has in hand.
_FURTHEST = 2**31 - 2**16
_MS = Fraction(1, 1000)
_FAR = 2**62


def output_time_base(frame: Frame, steps: Steps | None = None) -> Fraction:
    """The unit that holds every time of a stream like this one: 1/n s, as mp4 wants it.

    n is a multiple of the input's, fine enough for players and encoders (libvpx refuses whole seconds).
    Inputs that count in less than a ten-millionth of a second get the coarsest unit that holds all their
    times, where mp4 holds their steps in it; else, and where the times are not known, millionths.
    """
    units = frame.time_base.denominator
    if units > FINEST:
        units = _FINE if steps is None else steps.unit.denominator
        if units > FINEST and (steps is None or steps.longest * units > _FURTHEST or units > _MAX_TIMESCALE):
            units = _FINE
    while units < _MIN_TIMESCALE:
        units *= 2
    return Fraction(1, units)


@dataclass(slots=True)
class Clock:
    """Puts times on frames before, and durations on packets after the encoder.

    Attributes:
        base: seconds per unit of the encoder.
        coarse: the container counts milliseconds whatever it is told (Matroska, WebM).
        shift: seconds that times are moved by at present: Matroska has none before zero (mp4 has, but
            players pass over them), no container lets time run back, and mp4 none leap far ahead.
    """

    base: Fraction
    coarse: bool
    shift: Fraction = Fraction(0)
    notes: Counter[str] = field(default_factory=Counter)
    _last: int | None = None
    _hand: deque[int] = field(default_factory=lambda: deque(maxlen=IN_HAND))
    _end: int = 0
    _before: tuple[int, int, bool] | None = None
    _reach: tuple[int, int] = (-_FAR, -_FAR)
    _next_key: Fraction | None = None
    _durations: dict[int, int] = field(default_factory=dict)

    @classmethod
    def starting(cls, first: Frame, *, coarse: bool, steps: Steps | None = None) -> Clock:
        """The clock of a stream with this first frame, and such steps where they are known."""
        clock = cls(output_time_base(first, steps), coarse)
        if first.time < 0:
            clock.shift = -first.time
            moved = f"all moved by {float(clock.shift):.6f} s"
            clock.notes[f"the container has no times before zero: {moved}"] += 1
        return clock

    def stamp(self, picture: VideoFrame, frame: Frame) -> None:
        """Write the frame's time on the picture, and ask for a key frame where one is due."""
        exact = (frame.time + self.shift) / self.base
        pts = round(exact)
        if pts != exact or (self.coarse and frame.time % _MS):
            unit = "milliseconds" if self.coarse else f"1/{self.base.denominator} s"
            self.notes[f"the container counts in {unit}: times were rounded"] += 1
        if self._last is not None and pts <= self._last:
            pts = self._behind(pts, self._last)
        elif self._last is not None and not self.coarse and pts - self._hand[0] > _FURTHEST:
            pts = self._nearer(pts, self._last)
        duration = min(round(frame.duration * frame.time_base / self.base), _FURTHEST)
        if not duration and not self.coarse:  # not stated: as long as the one before, since mp4 wants an end
            duration = 1 if self._last is None else pts - self._last
        self._end = pts + duration
        self._last = pts
        self._hand.append(pts)
        self._durations[pts] = duration
        picture.pts, picture.time_base, picture.duration = pts, self.base, duration
        shown = pts * self.base
        if self._next_key is None or shown >= self._next_key:
            picture.pict_type = PictureType.I
            self._next_key = shown + KEY_EVERY_S

    def _behind(self, pts: int, last: int) -> int:
        """The time for a frame that repeats or goes back, which no container holds.

        A small step back moves this frame alone. A leap (a clock that was set anew, clips that were
        joined) moves all that follows, so that the new part plays at its own pace after the old one.
        """
        if (last - pts) * self.base <= BACK_S:
            self.notes["a time repeated or went back and was moved behind the one before"] += 1
            return last + 1
        after = max(self._end, last + 1)
        self.shift += (after - pts) * self.base
        self.notes["times leapt back: what follows was moved behind what came before"] += 1
        return after

    def _nearer(self, pts: int, last: int) -> int:
        """The time for a frame further ahead than mp4 can say: right after the one before.

        All that follows moves with it.
        """
        room = (_FURTHEST - (last - self._hand[0])) // IN_HAND
        after = last + max(1, min(self._end - last, room))
        self.shift -= (pts - after) * self.base
        most = f"more than the container holds ({float(_FURTHEST * self.base):.0f} s)"
        self.notes[f"times leapt ahead by {most}: what follows was moved up to what came before"] += 1
        return after

    def settle(self, packets: list[Packet[Any]], *, last: bool = False) -> None:
        """Write durations on packets as they come out; `last` marks the end of the stream.

        FFmpeg reads an mp4 up to the second key frame that seems to reach past the end. Where frames
        are seconds apart that comes before the last one: rather a longer end than a frame less.
        """
        for packet in packets:
            if packet.pts is None or packet.dts is None:
                continue
            if not 0 <= packet.pts - packet.dts <= _MAX_TIMESCALE:
                # x265 makes up decoding times for streams shorter than its look-ahead.
                packet.dts = packet.pts if self._before is None else min(packet.pts, self._before[1] + 1)
            packet.duration = self._durations.pop(packet.pts, 0) or packet.duration
            self._follow(packet.pts, packet.dts, key=packet.is_keyframe)
        tail = packets[-1] if last and packets else None
        if tail is not None and tail.pts is not None and self._reach[1] >= self._end:
            tail.duration = max(tail.duration or 1, self._reach[0] + 1 - tail.pts)

    def _follow(self, pts: int, dts: int, *, key: bool) -> None:
        """Keep the two latest ends of key frames as an mp4 reader sees them: time + decoding distance."""
        if self._before is not None and self._before[2]:
            end = self._before[0] + dts - self._before[1]
            self._reach = max(self._reach, (max(self._reach[0], end), min(self._reach[0], end)))
        self._before = (pts, dts, key)
