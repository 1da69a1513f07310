"""Times and numbers as a reader wants them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_STEPS: Final = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
_MOST_TICKS: Final = 8


def clock(seconds: float, decimals: int = 1) -> str:
    """12.5 -> "12.5 s", 92.25 -> "1:32.3"; hours where there are any."""
    sign, value = ("-", -seconds) if seconds < 0 else ("", seconds)
    value = round(value, decimals)
    if value < 60:
        return f"{sign}{value:.{decimals}f} s"
    minutes, rest = divmod(value, 60)
    hours, minutes = divmod(int(minutes), 60)
    wide = 3 + decimals if decimals else 2
    head = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{sign}{head}:{rest:0{wide}.{decimals}f}"


def span(start: float, end: float) -> str:
    """ "3.0–4.5 s" or "1:03.0–1:05.5"."""
    if 0 <= start < 60 and round(end, 1) < 60:
        return f"{start:.1f}–{end:.1f} s"
    return f"{clock(start)}–{clock(end)}"


def spans(some: Sequence[Sequence[float]], most: int = 6) -> str:
    """Several stretches in one line."""
    told = ", ".join(span(one[0], one[1]) for one in some[:most])
    return told + (f" and {len(some) - most} more" if len(some) > most else "")


def number(value: float | None, unit: str = "") -> str:
    """A score with two decimals, a true minus, and its unit in short."""
    if value is None:
        return "n/a"
    text = f"{value:.2f}".replace("-", "−")
    return f"{text} {unit}".strip()


def share(value: float | None) -> str:
    """A probability in percent; never 0 or 100, which nobody can know."""
    if value is None:
        return "not known"
    percent = value * 100
    if percent < 1:
        return "below 1\u202f%"
    return "above 99\u202f%" if percent > 99 else f"{percent:.0f}\u202f%"


def ticks(first: float, last: float) -> list[float]:
    """Round times for an axis, few enough to be read."""
    length = max(last - first, 1e-6)
    step = next((one for one in _STEPS if length / one <= _MOST_TICKS), 7200.0)
    while length / step > _MOST_TICKS:
        step *= 2
    start = -(-first // step) * step
    return [round(start + n * step, 6) for n in range(int((last - start) / step + 1e-9) + 1)]
