"""Times: puts right the decoding times that the demuxer could only guess.

FFmpeg learns how far pictures are coded ahead of being shown from the pictures themselves: of an RTSP stream
with B-frames the first packet comes without any time, the next ones without a decoding time, and where it
never learns it, pictures are decoded after they are shown. Times of presentation are the camera's, and stay.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from vidface.media.live.wire import Coded, Heard, Opened
from vidface.media.probe import FALLBACK_RATE

_HELD, _HELD_S = 16, 1.0
_MOST_BACK_S: Final = 1.0  # more is a leap of the clock


class Times:
    """Packets in, the same packets with both times out; the first second is held, to see the order.

    Args:
        opened: the connection, which states time base and rate.
    """

    def __init__(self, opened: Opened) -> None:
        self._step = max(1, round(1 / ((opened.rate or FALLBACK_RATE) * opened.time_base)))
        self._most_back = round(_MOST_BACK_S / opened.time_base)
        self._held: list[Coded | Heard] | None = []
        self._due = self._back = 0

    def feed(self, packet: Coded | Heard) -> list[Coded | Heard]:
        """Packets whose times are known now, in order; sound stays where it came."""
        if self._held is None:
            return [self._told(packet) if isinstance(packet, Coded) else packet]
        self._held.append(packet)
        late = packet.arrival - self._held[0].arrival >= _HELD_S
        return self.flush() if late or len(self._held) >= _HELD else []

    def flush(self) -> list[Coded | Heard]:
        """Those that are held, with the best times that can be had."""
        held, self._held = self._held or [], None
        pictures = [packet for packet in held if isinstance(packet, Coded)]
        shown = [packet.pts for packet in pictures if packet.pts is not None]
        first = min(shown, default=self._step)
        if pictures and pictures[0].pts is None:
            first -= self._step
        known = next((place for place, packet in enumerate(pictures) if packet.dts is not None), None)
        self._due = first if known is None else (pictures[known].dts or 0) - known * self._step
        self._back = self._behind(pictures, first)
        return [self._told(packet, first) if isinstance(packet, Coded) else packet for packet in held]

    def _behind(self, pictures: list[Coded], first: int) -> int:
        """How much too late pictures are decoded."""
        due, behind = self._due, 0
        for place, packet in enumerate(pictures):
            dts = due if packet.dts is None else packet.dts
            pts = first if place == 0 and packet.pts is None else packet.pts
            if pts is not None and dts - pts <= self._most_back:
                behind = max(behind, dts - pts)
            due = dts + (packet.duration or self._step)
        return behind

    def _told(self, packet: Coded, first: int | None = None) -> Coded:
        dts = self._due if packet.dts is None else packet.dts
        self._due = dts + (packet.duration or self._step)
        pts = packet.pts
        if pts is None:
            pts = dts if first is None or dts > first else first
        behind = dts - self._back - pts
        if 0 < behind <= self._most_back:
            self._back += behind
        return replace(packet, pts=pts, dts=dts - self._back)
