"""SteadyClock: seconds between frames of a stream whose own times may leap."""

from __future__ import annotations

from typing import Final

from vidface.data.frame import Frame

_LEAP_S: Final = 1.0


class SteadyClock:
    """Seconds that never run backwards, whatever the stream's times and the time of day do.

    Of live frames those of their arrival, of files those of the stream. Frames arrive in the order in which
    they were coded, so arrivals go back and forth a little: it stands until it is caught up. Where times leap
    back further, it goes on from where it stands.

    Attributes:
        now: seconds; only differences mean something.
        frame: the frame that it was set by last.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.frame: Frame | None = None
        self._offset = 0.0

    def set(self, frame: Frame) -> None:
        """A frame is here."""
        stamp = float(frame.time) if frame.arrival is None else frame.arrival
        if self.frame is None or stamp + self._offset < self.now - _LEAP_S:
            self._offset = self.now - stamp
        self.now = max(self.now, stamp + self._offset)
        self.frame = frame
