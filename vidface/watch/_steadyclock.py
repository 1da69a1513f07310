"""SteadyClock: the time of day by which things are old, which no setting of the clock makes leap forward."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from vidface.data.disk import write_whole
from vidface.data.times import NEVER_SET_S, passed_s

_STEP_S: Final = 60.0
_DOUBT_S: Final = 86_400.0
_AWAY_S: Final = 6 * 3600.0
"""Most of a time in which nobody ran that counts as one in which the leap was seen to last."""
_AHEAD_S: Final = 2 * 86_400.0
"""A day is named before it has passed, and clocks of two machines differ."""


class SteadyClock:
    """The time of day; where that leaps forward, the time before goes on for a day of running.

    What goes by its age must not go since a clock was wrong for some hours: what has gone does not come back
    when the clock does. One that is set back is believed at once, since nothing grows older by it; and so is
    one that is set for the first time. Hours in which nobody ran are a leap as well, and count six hours at
    most towards the day of running: what is over its time may stay a day longer after them, or four days
    where it never runs for long. Safe from any thread.

    Args:
        path: where the time is remembered over restarts; None: nowhere.
        wall: seconds since 1970 as the machine has them.
        passed: seconds that have passed, which nobody sets.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        wall: Callable[[], float] = time.time,
        passed: Callable[[], float] = passed_s,
    ) -> None:
        self._path, self._wall, self._passed = path, wall, passed
        self._lock = threading.Lock()
        self._looked = passed()
        self._believed, self._doubted_s, seen = self._remembered() or (wall(), 0.0, wall())
        self._doubted_s += min(max(0.0, wall() - seen), _AWAY_S)

    @property
    def behind_s(self) -> float:
        """By so much the machine's clock has leapt forward and is not believed yet; 0 where it is."""
        believed = self.now()
        return max(0.0, self._wall() - believed) if self._doubted_s else 0.0

    def now(self) -> float:
        """Seconds since 1970."""
        with self._lock:
            wall, looked = self._wall(), self._passed()
            went, self._looked = max(0.0, looked - self._looked), looked
            self._believed += went
            if self._doubted_s:
                self._doubted_s += went
            leapt = wall - self._believed > _STEP_S
            if not leapt or self._believed < NEVER_SET_S or self._doubted_s > _DOUBT_S:
                self._believed, self._doubted_s = wall, 0.0
            else:
                self._doubted_s = max(self._doubted_s, 1e-3)
            return self._believed

    def plausible(self, utc_s: float) -> bool:
        """A clock that was right may have said so: it is neither long ago nor yet to come."""
        return NEVER_SET_S <= utc_s <= self.now() + _AHEAD_S

    def misdated(self, utc_s: float) -> bool:
        """A clock that was wrong said so, as far as that can be known now."""
        sure = self.now() >= NEVER_SET_S and not self._doubted_s
        return sure and not self.plausible(utc_s)

    def remember(self) -> None:
        """Write it down for the next start; a disk that takes nothing is no trouble."""
        if self._path is None:
            return
        said = {
            "believed": round(self.now(), 3),
            "doubted_s": round(self._doubted_s, 3),
            "wall": round(self._wall(), 3),
        }
        with contextlib.suppress(OSError):
            write_whole(self._path, json.dumps(said).encode() + b"\n")

    def _remembered(self) -> tuple[float, float, float] | None:
        """The time that was believed, for how long it has been doubted, and what the machine said then."""
        if self._path is None:
            return None
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
            said = json.loads(self._path.read_bytes())
            believed, doubted_s = float(said["believed"]), float(said["doubted_s"])
            wall = float(said.get("wall", self._wall()))
            if believed >= 0 and doubted_s >= 0 and wall >= 0:  # none is NaN
                return believed, doubted_s, wall
        return None
