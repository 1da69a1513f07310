"""Seconds as text."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction


def time_text(seconds: Fraction) -> str:
    """Exact seconds as text with 6 decimals, rounded half to even from the fraction itself."""
    micros = round(seconds * 1_000_000)
    whole, rest = divmod(abs(micros), 1_000_000)
    return f"{'-' if micros < 0 else ''}{whole}.{rest:06d}"


def time_of_day(utc_s: float) -> str:
    """Seconds since 1970 as text of ISO 8601, UTC, to the millisecond."""
    return datetime.fromtimestamp(utc_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
