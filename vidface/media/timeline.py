"""Timeline: the presentation time of each decoded frame, as the container states it."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from av.container import InputContainer

from vidface.media.opening import raw_format

_GAP_S = 5  # a jump forward by more than this begins a new epoch
_BACK_S = 1  # and one backward by more than this
_QUIET_S, _QUIET_STEPS = 1, 8  # a pause worth a note: longer than a second and than 8 frames

Mode = Literal["pts", "chunks", "lagged", "count"]


def mode_of(container: InputContainer, codec: str) -> Mode:
    """How the frames of an input get their times."""
    if raw_format(container):
        return "count"
    if container.format.name != "avi":
        return "pts"
    return "lagged" if codec == "mpeg4" else "chunks"


@dataclass(slots=True)
class Timeline:
    """Gives each frame its pts and epoch; never moves a stated time.

    Attributes:
        time_base: seconds per unit of pts.
        step: units between two frames where nothing better is known.
        mode: "pts" reads presentation times. "chunks" gives the k-th frame in display order the
            k-th smallest decoding time (AVI: one chunk, one frame, no presentation times).
            "lagged" gives a frame the time of the chunk that brought it out, less the decoder's lag, which
            is that of the first frame (MPEG-4 in AVI, where chunks may say "as before" and give none).
            "count" numbers the frames (bare streams have no times at all).
        backs: how many times the clock was set back, and what follows has times that were given before.
        set_back: the first of them: the step, and the frame before it.
        widest: the longest step between two frames, and the frame before it.
    """

    time_base: Fraction
    step: int
    mode: Mode = "pts"
    epoch: int = 0
    made_up: int = 0
    disorder: int = 0
    backs: int = 0
    stamped: int = 0
    set_back: tuple[int, int] = (0, 0)
    widest: tuple[int, int] = (0, 0)
    _last: int | None = None
    _chunks: list[int] = field(default_factory=list)
    _first: int | None = None
    _lag: int | None = None

    def feed(self, dts: int | None) -> None:
        """A packet with this decoding time goes to the decoder."""
        if dts is None:
            return
        if self.mode == "chunks":
            heapq.heappush(self._chunks, dts)
        elif self.mode == "lagged" and self._first is None:
            self._first = dts

    def lose(self) -> None:
        """A packet could not be decoded: its chunk's time is used up (the oldest one waiting)."""
        if self._chunks:
            heapq.heappop(self._chunks)

    def stamp(self, pts: int | None, dts: int | None) -> int:
        """The pts of the next frame in display order."""
        value = self._stated(pts, dts)
        if value is None:
            value = 0 if self._last is None else self._last + self.step
            self.made_up += self.mode == "pts"
        if self._last is not None:
            self._watch(value - self._last)
        self._last = value
        self.stamped += 1
        return value

    def notes(self) -> dict[str, str]:
        """What was odd about the times, for `SourceInfo.extra`."""
        found = {}
        if self.made_up:
            found["times_missing"] = f"{self.made_up} frames stated no time and follow the one before"
        if self.disorder:
            found["times_disordered"] = (
                f"{self.disorder} frames repeat or go behind the time before; kept as found"
            )
        if self.backs:
            found["times_set_back"] = self._set_back()
        gap, after = self.widest
        if gap * self.time_base > _QUIET_S and gap > _QUIET_STEPS * self.step:
            # Variable rate, or data that a container lost without a word: only the times can tell.
            found["longest_gap"] = f"{float(gap * self.time_base):.3f} s after frame {after}"
        return found

    def _set_back(self) -> str:
        step, after = self.set_back
        again = {1: "", 2: " and once more"}.get(self.backs, f" and {self.backs - 1} times more")
        return (
            f"the clock falls back by {float(-step * self.time_base):.3f} s after frame {after}{again}: "
            "as if files were joined, one time stands for several pictures; `epoch` and numbers of frames "
            "tell them apart"
        )

    def _stated(self, pts: int | None, dts: int | None) -> int | None:
        if self.mode == "count":
            return None
        if self.mode == "chunks":
            return heapq.heappop(self._chunks) if self._chunks else None
        if self.mode == "lagged":
            return self._behind(dts)
        if pts is not None:
            return pts
        later = dts is not None and (self._last is None or dts > self._last)
        return dts if later else None

    def _behind(self, dts: int | None) -> int | None:
        """Less the lag; None where the decoder is emptied, and no chunk brings the frame out."""
        if dts is None or self._first is None:
            return None
        if self._lag is None:
            self._lag = dts - self._first
        return dts - self._lag

    def _watch(self, delta: int) -> None:
        seconds = delta * self.time_base
        if delta > self.widest[0]:
            self.widest = (delta, self.stamped - 1)
        if seconds > _GAP_S or seconds < -_BACK_S:
            self.epoch += 1
            if delta < 0:
                self.set_back = self.set_back if self.backs else (delta, self.stamped - 1)
                self.backs += 1
        elif delta <= 0:
            self.disorder += 1
