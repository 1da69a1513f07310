"""Pace: whether a run over a camera falls behind, or has room again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

WINDOW_S: Final = 2.0
"""A moment of trouble is no reason; what lasts this long is."""
QUICK_S: Final = 0.5
"""The first step is taken this soon where frames are dropped already."""
BUSY: Final = 0.9
"""Share of the time that the graph works, from which on it cannot catch up again with anything."""
STRAINED: Final = 0.5
"""Below this load, what waits or is dropped came in a burst; giving up work would not help."""
LATE_S: Final = 0.25
"""Frames that wait this long on average are late: half of the usual staleness budget."""
ROOM: Final = 0.75
CALM_S: Final = 10.0
MOST_CALM_S: Final = 600.0
RELAPSE_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Moment:
    """What is known when a frame is handed to the graph.

    Attributes:
        now_s: on a clock that never leaps. idle_s: seconds spent waiting for frames so far.
        waited_s: how long this frame waited since it arrived.
        dropped: frames that the source dropped so far, without those that nobody wanted.
    """

    now_s: float
    idle_s: float
    waited_s: float
    dropped: int


class Change(NamedTuple):
    """One step up (+1: give up more) or down (-1), and why, as a phrase."""

    by: int
    why: str


class Pace:
    """Judges windows of two seconds; has no clock of its own.

    Up: the graph works `BUSY` of the time, or, at a load that more work would not fit into, frames wait
    or are dropped; the first step comes at once where a graph that works so hard drops frames already.
    Down: `CALM_S` in a row with room. A step down that has to be taken back within `RELAPSE_S` doubles
    the calm that the next one takes, up to `MOST_CALM_S`: so a load between two steps makes the ladder
    try ever less often, and not swing.
    """

    def __init__(self) -> None:
        self.load = 0.0
        self._first: Moment | None = None
        self._last: Moment | None = None
        self._warm = False
        self._frames = 0
        self._waited_s = 0.0
        self._calm_from: float | None = None
        self._patience_s = CALM_S
        self._fell_s: float | None = None

    def judge(self, moment: Moment, *, lowest: bool, highest: bool) -> Change | None:
        """A frame is handed over; what should change, if anything.

        Args:
            lowest, highest: there is no step below, or above.
        """
        first, last = self._first, self._last
        self._last = moment
        if first is None or last is None or moment.idle_s - last.idle_s > WINDOW_S:
            self._begin(moment)  # the beginning, or the camera was away: nothing can be said
            self._calm_from = None
            return None
        self._frames += 1
        self._waited_s += moment.waited_s
        lasted, dropped = moment.now_s - first.now_s, moment.dropped - first.dropped
        load = max(0.0, 1 - (moment.idle_s - first.idle_s) / max(lasted, 1e-9))
        urgent = lowest and self._warm and dropped > 0 and load >= BUSY and lasted >= QUICK_S
        if lasted < WINDOW_S and not urgent:
            return None
        waited, self.load = self._waited_s / self._frames, load
        self._begin(moment)
        if not self._warm:
            self._warm = True  # first calls of networks take long
            return None
        why = self._behind(waited, dropped, lasted)
        if why is not None:
            self._calm_from = None
            return None if highest else self._up(moment.now_s, why)
        return self._down(moment.now_s, waited, dropped, lowest=lowest)

    def _begin(self, moment: Moment) -> None:
        self._first, self._frames, self._waited_s = moment, 0, 0.0

    def _behind(self, waited_s: float, dropped: int, lasted_s: float) -> str | None:
        if self.load >= BUSY:
            return f"the graph works {self.load:.0%} of the time"
        if self.load < STRAINED:
            return None
        if dropped:
            return f"{dropped} frames were dropped in {lasted_s:.1f} s"
        return f"frames wait {1000 * waited_s:.0f} ms" if waited_s > LATE_S else None

    def _up(self, now_s: float, why: str) -> Change:
        if self._fell_s is not None and now_s - self._fell_s < RELAPSE_S:
            self._patience_s = min(MOST_CALM_S, 2 * self._patience_s)
        else:
            self._patience_s = CALM_S
        self._fell_s = None
        return Change(1, why)

    def _down(self, now_s: float, waited_s: float, dropped: int, *, lowest: bool) -> Change | None:
        if self.load > ROOM or dropped or waited_s > LATE_S / 2:
            self._calm_from = None
            return None
        if self._calm_from is None:
            self._calm_from = now_s - WINDOW_S
        if lowest or now_s - self._calm_from < self._patience_s:
            return None
        self._calm_from, self._fell_s = None, now_s
        return Change(-1, f"the graph works {self.load:.0%} of the time")
