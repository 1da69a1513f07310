"""Patience: how long a camera may be silent before its connection is given up."""

from __future__ import annotations

from typing import Final

_FEW: Final = 5
_MOST_S: Final = 60.0
_INTERVALS: Final = 2  # frame intervals without a packet are silence, where that is longer
_STEADY_S: Final = 10.0


class Patience:
    """Doubles with each connection that falls silent after a few packets, since the camera may be a slow one.

    Packets that come for ten seconds without a pause that would have ended the connection at first show that
    it is not: it is as short as at first from there on.

    Args:
        least_s: at first.
    """

    def __init__(self, least_s: float) -> None:
        self._least_s = self._now_s = least_s
        self._steady_since = 0.0
        self._heard: float | None = None

    def begin(self) -> None:
        """Another connection."""
        self._heard = None

    def hear(self, arrival: float) -> None:
        """A packet came."""
        if self._heard is None or arrival - self._heard > self._least_s:
            self._steady_since = arrival
        elif arrival - self._steady_since >= _STEADY_S:
            self._now_s = self._least_s
        self._heard = arrival

    def lasts_s(self, interval_s: float) -> float:
        """Seconds to wait for the next packet, where they come so far apart."""
        return max(self._now_s, _INTERVALS * interval_s)

    def lost(self, packets: int) -> None:
        """A connection with so many packets fell silent."""
        if packets < _FEW:
            self._now_s = min(_MOST_S, 2 * self._now_s)
