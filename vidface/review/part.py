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
        begin: when the clip itself begins.
    """

    start: float
    end: float | None
    lasts: float | None
    begin: float = 0.0

    def __str__(self) -> str:
        part = f"from {clock(self.start)}" if self.end is None else span(self.start, self.end)
        return part if self.lasts is None else f"{part} of {_whole(self.begin, self.lasts)}"


def length_of(given: dict[str, Any]) -> float | None:
    """Seconds that a clip lasts as its file says (`input` of run.json); None where it does not."""
    return _seconds(given.get("duration"))


def length_words(given: dict[str, Any]) -> str | None:
    """The same in words, with the clip's own times where it does not begin at zero; None where not known."""
    lasts, begin = length_of(given), _seconds(given.get("start")) or 0.0
    if lasts is None or not _late(begin):
        return None if lasts is None else clock(lasts)
    return f"{clock(lasts)}; its clock runs over {span(begin, begin + lasts)}"


def _whole(begin: float, lasts: float) -> str:
    """A clip's length, or its first and last second where a part of it would not fit into the length."""
    return span(begin, begin + lasts) if _late(begin) else clock(lasts)


def _late(begin: float) -> bool:
    """The clip does not begin at zero, as far as times are told."""
    return round(abs(begin), 1) > 0


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
    return Part(start, high if early else last, lasts, begin)


def _seconds(value: Any) -> float | None:
    """Of a number, or of a fraction as text; None of anything else."""
    try:
        return float(Fraction(str(value)))
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
