"""Seconds: as text, and as they pass."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from fractions import Fraction
from typing import Final

NEVER_SET_S: Final = datetime(2020, 1, 1, tzinfo=UTC).timestamp()
"""What was written before was written on a machine whose clock was not set yet: there was no vidface."""


def time_text(seconds: Fraction) -> str:
    """Exact seconds as text with 6 decimals, rounded half to even from the fraction itself."""
    micros = round(seconds * 1_000_000)
    whole, rest = divmod(abs(micros), 1_000_000)
    return f"{'-' if micros < 0 else ''}{whole}.{rest:06d}"


def time_of_day(utc_s: float) -> str:
    """Seconds since 1970 as text of ISO 8601, UTC, to the millisecond."""
    return datetime.fromtimestamp(utc_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def passed_s() -> float:
    """Seconds that have passed since some moment, also while the machine slept; nobody can set them."""
    boot: int | None = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)
