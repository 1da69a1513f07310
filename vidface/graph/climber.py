"""Climber: goes up and down a plan's ladder while a run over a camera goes on, and accounts for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic, perf_counter
from typing import Any, Final

from vidface.data.frame import Frame
from vidface.data.source import LEFT_OUT, ON_PURPOSE, Source, Thinned
from vidface.data.times import time_text
from vidface.graph.ladder import Rung
from vidface.graph.pace import Change, Moment, Pace
from vidface.graph.stage import Stage

MOST_CHANGES: Final = 200
_COSTS: Final = {"slow": "not_looked_at", "off": "without_it", "rate": "left_out"}
_PHRASES: Final = {"slow": "not looked at", "off": "without it", "rate": "left out"}


@dataclass(slots=True)
class _Toll:
    """What one rung cost so far.

    Attributes:
        frames: served while it was in force.
        lost: of them; or, of a rung that leaves frames out, beside them.
    """

    seconds: float = 0.0
    frames: int = 0
    lost: int = 0

    def plus(self, other: _Toll) -> _Toll:
        return _Toll(self.seconds + other.seconds, self.frames + other.frames, self.lost + other.lost)

    def row(self, rung: Rung) -> dict[str, Any]:
        # Frames that are left out never come here; those of the other kinds do.
        frames = self.frames + (self.lost if rung.kind == "rate" else 0)
        return {"seconds": round(self.seconds, 1), "frames": frames, _COSTS[rung.kind]: self.lost}


class Climber:
    """Takes the steps of a ladder, one at a time. `note` and `end` belong to the engine's thread.

    Args:
        stages: by name of their node.
        tell: is told of each change, in a sentence.
    """

    def __init__(
        self,
        rungs: tuple[Rung, ...],
        stages: Mapping[str, Stage],
        source: Thinned,
        tell: Callable[[str], None],
    ) -> None:
        self._rungs = rungs
        self._stages = stages
        self._source = source
        self._tell = tell
        self._pace = Pace()
        self._height = 0
        self._highest = 0
        self._paid = [_Toll() for _ in rungs]
        self._running: list[_Toll] = []
        self._charged: dict[tuple[str, str], int] = {}
        self._changes: deque[dict[str, Any]] = deque(maxlen=MOST_CHANGES)
        self._count = 0
        self._now_s = 0.0

    def note(self, frame: Frame, *, idle_s: float) -> None:
        """A frame is about to be served; takes a step where one is due.

        Args:
            idle_s: seconds spent waiting for frames so far.
        """
        waited = 0.0 if frame.arrival is None else monotonic() - frame.arrival
        dropped = self._source.dropped
        lost = sum(count for cause, count in dropped.items() if cause not in ON_PURPOSE)
        self.judge(frame, Moment(perf_counter(), idle_s, waited, lost))

    def judge(self, frame: Frame, moment: Moment) -> None:
        """As `note`, of a moment that is described."""
        passed = moment.now_s - self._now_s if self._now_s else 0.0
        self._now_s = moment.now_s
        for toll in self._running:
            toll.seconds += passed
            toll.frames += 1
        lowest, highest = self._height == 0, self._height == len(self._rungs)
        change = self._pace.judge(moment, lowest=lowest, highest=highest)
        if change is None:
            return
        self._charge()
        row = self._up() if change.by > 0 else self._down()
        self._apply()
        self._log(frame, change, row)

    def facts(self) -> dict[str, Any]:
        """The account: steps, where it stands, what each step cost, and the newest changes."""
        tolls = list(self._paid)
        owed = self._owed()
        for i, toll in enumerate(list(self._running)):
            tolls[i] = tolls[i].plus(toll).plus(_Toll(lost=owed.get(i, 0)))
        steps = zip(self._rungs, tolls, strict=True)
        return {
            "height": self._height,
            "highest": self._highest,
            "load": round(self._pace.load, 3),
            "steps": [{"step": rung.text, **toll.row(rung)} for rung, toll in steps],
            "changes": list(self._changes),
            "changes_not_listed": self._count - len(self._changes),
        }

    def _up(self) -> dict[str, Any]:
        rung = self._rungs[self._height]
        self._height += 1
        self._highest = max(self._highest, self._height)
        self._running.append(_Toll())
        return {"step": rung.text, "taken": True}

    def _down(self) -> dict[str, Any]:
        self._height -= 1
        rung, toll = self._rungs[self._height], self._running.pop()
        self._paid[self._height] = self._paid[self._height].plus(toll)
        return {"step": rung.text, "taken": False, **toll.row(rung)}

    def _apply(self) -> None:
        """Bring nodes and source to where the height says; the last word on each counts."""
        wanted = {(rung.kind, rung.node): rung.by for rung in self._rungs[: self._height]}
        for rung in self._rungs:
            by = wanted.get((rung.kind, rung.node))
            if rung.kind == "slow":
                self._stages[rung.node].ease(by or 1)
            elif rung.kind == "off":
                self._stages[rung.node].turn(on=by is None)
            else:
                self._source.thin(by or 1)

    def _owed(self) -> dict[int, int]:
        """Place of each rung in force -> what was lost since it was last charged."""
        owed = {(rung.kind, rung.node): i for i, rung in enumerate(self._rungs[: self._height])}
        return {
            i: self._lost(self._rungs[i]) - self._charged.get((self._rungs[i].kind, self._rungs[i].node), 0)
            for i in owed.values()
        }

    def _charge(self) -> None:
        for i, lost in self._owed().items():
            rung = self._rungs[i]
            self._running[i].lost += lost
            self._charged[rung.kind, rung.node] = self._lost(rung)

    def _lost(self, rung: Rung) -> int:
        if rung.kind == "rate":
            return self._source.dropped[LEFT_OUT]
        stage = self._stages[rung.node]
        return stage.spared() if rung.kind == "slow" else stage.without

    def _log(self, frame: Frame, change: Change, row: dict[str, Any]) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._count += 1
        self._changes.append(
            {"at": at, "time": time_text(frame.time), "height": self._height, **row, "why": change.why}
        )
        rung = self._rungs[self._height - 1 if change.by > 0 else self._height]
        if change.by > 0:
            self._tell(f"falls behind ({change.why}): from here on, {rung.text}")
        else:
            cost = f"{row[_COSTS[rung.kind]]} of {row['frames']} frames {_PHRASES[rung.kind]}"
            self._tell(f"has room again ({change.why}): no longer holds that {rung.text} ({cost})")


def climber_of(
    rungs: tuple[Rung, ...], stages: list[Stage], source: Source, tell: Callable[[str], None] | None
) -> Climber | None:
    """The climber of a run; None where the input waits (files) or nothing may be given up."""
    if not rungs or not isinstance(source, Thinned) or source.waits:
        return None
    by_name = {stage.step.name: stage for stage in stages}
    return Climber(rungs, by_name, source, tell or _silent)


def _silent(_sentence: str) -> None:
    """Nobody is told."""
