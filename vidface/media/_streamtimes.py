"""The times of a stream's packets: even or not, jumps, doubles, and how long picture and sound last."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.data.times import time_text
from vidface.media._streamread import Reading

_SLACK_S: Final = 0.0011
"""Steps that differ by less are the same: containers that count milliseconds round."""
_EVEN: Final = 0.995
"""Share of steps of the usual length from which a rate counts as constant."""
_JUMP: Final = 2.5
"""Steps so many times as long as usual are jumps."""
_ORDINARY: Final = 0.9
"""Share of the steps that no jump is measured against: where a rate varies, the most common step is short."""
_MOST_JUMPS: Final = 20


@dataclass(frozen=True, slots=True)
class Jump:
    """A step that is longer than usual: the pictures are numbered in order of presentation."""

    after: int
    at: Fraction
    seconds: Fraction


@dataclass(frozen=True, slots=True)
class Times:
    """Presentation times of the packets that are shown.

    Attributes:
        start, end: of the first picture, and of the end of the last one; exact seconds.
        step: the most common step from one picture to the next; seconds.
        even: share of the steps that are as long (within a tick, or 1.1 ms).
        least, most: shortest and longest step; seconds.
        doubles: pictures with the time of another one.
        missing: pictures that would fill the steps of a whole multiple of the usual length.
        untimed: packets that state no time.
        back: packets whose decoding time falls back.
        jumps: the first 20 steps of 2.5 times the usual length or more, and of what nine in ten steps keep
            to.
    """

    start: Fraction
    end: Fraction
    step: Fraction
    even: float
    least: Fraction
    most: Fraction
    doubles: int
    missing: int
    untimed: int
    back: int
    jumps: tuple[Jump, ...]

    @property
    def uneven(self) -> bool:
        """The rate varies so much that no length of a step is the rule, and none that is longer a hole."""
        return self.even < _ORDINARY

    @property
    def constant(self) -> bool:
        """The rate is constant."""
        return self.even >= _EVEN and not self.doubles

    def row(self) -> dict[str, Any]:
        """A plain dict, ready for JSON."""
        return {
            "start": time_text(self.start),
            "end": time_text(self.end),
            "step": time_text(self.step),
            "constant": self.constant,
            "even": round(self.even, 4),
            "least_step": time_text(self.least),
            "most_step": time_text(self.most),
            "doubles": self.doubles,
            "missing": self.missing,
            "untimed": self.untimed,
            "back": self.back,
            "jumps": [
                {"after_picture": one.after, "at": time_text(one.at), "seconds": time_text(one.seconds)}
                for one in self.jumps
            ],
        }


def times_of(reading: Reading) -> Times | None:
    """The times of a reading; None for bare streams, and where fewer than three packets state theirs."""
    base = reading.time_base
    shown = [one for one in reading.packets if one.shown]
    stamps = np.sort(np.array([one.pts for one in shown if one.pts is not None], np.int64))
    if not reading.timed or len(stamps) < 3:
        return None
    steps = np.diff(stamps)
    usual = _usual(steps)
    slack = max(1.0, _SLACK_S / float(base))
    near = np.abs(steps - usual) <= slack
    long = max(usual, int(np.quantile(steps, _ORDINARY, method="lower")))
    places = np.flatnonzero(steps >= _JUMP * long)[:_MOST_JUMPS].tolist()
    last = max((one.duration or 0 for one in shown if one.pts == stamps[-1]), default=0)
    return Times(
        start=int(stamps[0]) * base,
        end=(int(stamps[-1]) + (last or usual)) * base,
        step=usual * base,
        even=float(near.mean()),
        least=int(steps.min()) * base,
        most=int(steps.max()) * base,
        doubles=int((steps == 0).sum()),
        missing=_missing(steps, usual, slack),
        untimed=sum(one.pts is None for one in shown),
        back=_falls([one.dts for one in reading.packets]),
        jumps=tuple(Jump(i, int(stamps[i]) * base, int(steps[i]) * base) for i in places),
    )


def _usual(steps: NDArray[np.int64]) -> int:
    """The most common step above 0."""
    values, counts = np.unique(steps[steps > 0], return_counts=True)
    return int(values[counts.argmax()]) if len(values) else 1


def _missing(steps: NDArray[np.int64], usual: int, slack: float) -> int:
    times = np.rint(steps / usual)
    whole = (times >= 2) & (np.abs(steps - times * usual) <= slack * times)
    return int((times[whole] - 1).sum())


def _falls(stamps: list[int | None]) -> int:
    known = np.array([one for one in stamps if one is not None], np.int64)
    return int((np.diff(known) < 0).sum())
