"""GapBook: the holes of a stream that may run for weeks."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from fractions import Fraction

from vidface.data.source import Hole
from vidface.media.live.entry import Gap

_MOST_HOLES = 1000


class GapBook:
    """Keeps the newest thousand holes one by one, and the older ones as sums.

    Attributes:
        lost_s, longest_s: seconds without the camera, in all and at a time.
    """

    def __init__(self) -> None:
        self.lost_s = 0.0
        self.longest_s = 0.0
        self._holes: deque[Hole] = deque()
        self._older: dict[str, Hole] = {}

    def note(self, gaps: tuple[Gap, ...], after_index: int, time: Fraction | None) -> None:
        """What is missing behind frame `after_index`, before `time`."""
        for gap in gaps:
            self.lost_s += gap.lost_s
            self.longest_s = max(self.longest_s, gap.lost_s)
            hole = Hole(gap.cause, gap.frames, after_index, time)
            last = self._holes[-1] if self._holes else None
            if last is not None and (last.cause, last.after_index) == (hole.cause, after_index):
                self._holes[-1] = replace(last, frames=_sum(last, hole))
                continue
            self._holes.append(hole)
            if len(self._holes) > _MOST_HOLES:
                self._fold(self._holes.popleft())

    def holes(self) -> tuple[Hole, ...]:
        """All of them, sums first."""
        return (*self._older.values(), *tuple(self._holes))

    def _fold(self, hole: Hole) -> None:
        kind = hole.cause.split(":")[0].split(";")[0]
        cause = f"{kind} (earlier ones together)"
        before = self._older.get(cause)
        whole = replace(hole, cause=cause)
        self._older[cause] = whole if before is None else replace(before, frames=_sum(before, hole))


def _sum(one: Hole, other: Hole) -> int | None:
    if one.frames is None or other.frames is None:
        return None
    return one.frames + other.frames
