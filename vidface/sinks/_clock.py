"""The time of day of live frames, as rows give it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from vidface.data.frame import Frame
from vidface.data.times import time_of_day

CLOCK_COLUMNS: Final[Mapping[str, str]] = MappingProxyType(
    {"utc": "string", "clock": "string", "arrived": "string"}
)
"""Column -> type (Arrow's name)."""

_LEAP_S: Final = 1.0


def clock_facts(frame: Frame) -> dict[str, str | None]:
    """utc of the picture by `clock` ("rtcp": the camera, "arrival": this machine), and of its arrival."""
    return {
        "utc": None if frame.utc_s is None else time_of_day(frame.utc_s),
        "clock": frame.clock,
        "arrived": None if frame.arrived_utc_s is None else time_of_day(frame.arrived_utc_s),
    }


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
