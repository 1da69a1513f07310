"""The time of day of live frames, as rows give it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from vidface.data.frame import Frame
from vidface.data.steadyclock import SteadyClock
from vidface.data.times import time_of_day

CLOCK_COLUMNS: Final[Mapping[str, str]] = MappingProxyType(
    {"utc": "string", "clock": "string", "arrived": "string"}
)
"""Column -> type (Arrow's name)."""


def clock_facts(frame: Frame) -> dict[str, str | None]:
    """utc of the picture by `clock` ("rtcp": the camera, "arrival": this machine), and of its arrival."""
    return {
        "utc": None if frame.utc_s is None else time_of_day(frame.utc_s),
        "clock": frame.clock,
        "arrived": None if frame.arrived_utc_s is None else time_of_day(frame.arrived_utc_s),
    }


__all__ = ["CLOCK_COLUMNS", "SteadyClock", "clock_facts"]
