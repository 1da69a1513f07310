"""Which part of a clip a report is about, where the run was told to begin late or to end early."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

from vidface.review.words import clock, span


class Part(NamedTuple):
    """A part of a clip, in seconds of its own clock.

    Attributes:
        start, end: as the run was told, no farther than the clip goes; `end` None where that is not known.
        lasts: the whole clip; None where its file does not say so.
    """

    start: float
    end: float | None
    lasts: float | None

    def __str__(self) -> str:
        part = f"from {clock(self.start)}" if self.end is None else span(self.start, self.end)
        return f"{part} of {clock(self.lasts)}" if self.lasts is not None else part


def length_of(given: dict[str, Any]) -> float | None:
    """Seconds that a clip lasts as its file says (`input` of run.json); None where it does not."""
    return _seconds(given.get("duration"))


def part_of(manifest: dict[str, Any]) -> Part | None:
    """The part that a run was told to look at; None where that is all of the clip."""
    given = manifest.get("input") or {}
    begin, lasts = _seconds(given.get("start")) or 0.0, length_of(given)
    low, high = _seconds(manifest.get("from")), _seconds(manifest.get("to"))
    last = None if lasts is None else begin + lasts
    late = low is not None and low > begin
    early = high is not None and (last is None or high < last)
    if not late and not early:
        return None
    start = low if late and low is not None else begin
    return Part(start, high if early else last, lasts)


def _seconds(value: Any) -> float | None:
    """Of a number, or of a fraction as text; None of anything else."""
    try:
        return float(Fraction(str(value)))
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
