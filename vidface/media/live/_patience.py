"""Patience: how long a camera may be silent before its connection is given up."""

from __future__ import annotations

from typing import Final

_FEW: Final = 5
_MOST_S: Final = 60.0
_INTERVALS: Final = 2  # frame intervals without a packet are silence, where that is longer
_STEADY_S: Final = 10.0
_BLIND_S: Final = 30.0
"""Seconds of packets without a picture: longer than cameras keep from one whole picture to the next."""
_MOST_BLIND_S: Final = 240.0


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
        self._blind_s = _BLIND_S
        self._pictures, self._seen = 0, 0.0

    def begin(self) -> None:
        """Another connection."""
        self._heard, self._pictures = None, -1

    def blind_s(self, now: float, pictures: int) -> float:
        """Seconds for which packets came and no picture of them, where that is too long; else 0.

        Twice as long with each connection on which that happens, since whole pictures may lie far apart.

        Args:
            pictures: so far, of all connections.
        """
        if pictures != self._pictures:
            self._pictures, self._seen = pictures, now
        elif now - self._seen >= self._blind_s:
            blind, self._blind_s = now - self._seen, min(_MOST_BLIND_S, 2 * self._blind_s)
            return blind
        return 0.0

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
