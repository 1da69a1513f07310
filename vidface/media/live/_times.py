"""Times: fills in the times that the demuxer could not tell, as it cannot at the beginning of a connection.

FFmpeg learns how far pictures are coded ahead of being shown from the pictures themselves: of an RTSP stream
with B-frames the first packet comes without any time, the next ones without a decoding time.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from vidface.media.live.wire import Coded, Opened
from vidface.media.probe import FALLBACK_RATE

_MOST_HELD: Final = 32


class Times:
    """Packets in, the same packets with both times out; the first ones are held until a time is known.

    Args:
        opened: the connection, which states time base and rate.
    """

    def __init__(self, opened: Opened) -> None:
        self._step = max(1, round(1 / ((opened.rate or FALLBACK_RATE) * opened.time_base)))
        self._held: list[Coded] = []
        self._due: int | None = None

    def feed(self, packet: Coded) -> list[Coded]:
        """Packets whose times are known now, in order."""
        if self._due is not None:
            return [self._told(packet, self._due)]
        self._held.append(packet)
        if packet.dts is None and len(self._held) < _MOST_HELD:
            return []
        return self.flush()

    def flush(self) -> list[Coded]:
        """Those that are held, with the best times that can be had."""
        held, self._held = self._held, []
        if not held:
            return []
        shown = [packet.pts for packet in held if packet.pts is not None]
        first = min(shown, default=0)
        if held[0].pts is None:
            first -= self._step
            held[0] = replace(held[0], pts=first)
        known = held[-1].dts
        before = sum(packet.duration or self._step for packet in held[:-1])
        due = first - _ahead(held) if known is None else known - before
        told = []
        for packet in held:
            told.append(self._told(packet, due))
            due = self._due or 0
        return told

    def _told(self, packet: Coded, due: int) -> Coded:
        dts = due if packet.dts is None else packet.dts
        if packet.dts is None and packet.pts is not None:
            dts = min(dts, packet.pts)
        self._due = dts + (packet.duration or self._step)
        return replace(packet, dts=dts, pts=dts if packet.pts is None else packet.pts)


def _ahead(held: list[Coded]) -> int:
    """How long before it is shown a packet must be decoded, that none is shown before it is decoded."""
    shown = [packet.pts for packet in held if packet.pts is not None]
    return max((early - late for early, late in zip(sorted(shown), shown, strict=True)), default=0)
