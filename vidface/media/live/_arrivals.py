"""ArrivalClock: times for streams that have none, by when their packets came."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any, Final

from vidface.media.live.wire import Coded, Opened

_BARE: Final = frozenset({"mpjpeg", "mjpeg", "jpeg_pipe", "h264", "hevc", "m4v"})
"""Formats of pictures one behind the other, without times; FFmpeg invents 25 frames a second for them."""
_BASE: Final = Fraction(1, 90_000)


def without_clock(container: Any) -> bool:
    """Pictures come one behind the other, as they are taken, and nothing says when that was.

    A recording that is fetched has a length, and comes faster than it was taken: its arrival says nothing.
    """
    return container.format.name in _BARE and container.duration is None and container.size <= 0


class ArrivalClock:
    """Gives packets the times at which they came, 0 for the first."""

    def __init__(self) -> None:
        self._zero: float | None = None
        self._last = -1

    def told(self, opened: Opened) -> Opened:
        """The stream with this clock; no rate is known of it."""
        return replace(opened, time_base=_BASE, rate=None, by_arrival=True)

    def stamp(self, packet: Coded) -> Coded:
        """The packet with the time of its arrival, and behind the one before."""
        if self._zero is None:
            self._zero = packet.arrival
        dts = self._last = max(self._last + 1, round((packet.arrival - self._zero) / _BASE))
        # How far a picture is shown behind its decoding nobody knows in seconds: decoders know the order.
        pts = dts if packet.pts is not None and packet.pts == packet.dts else None
        return replace(packet, pts=pts, dts=dts, duration=0)
