"""Entry: the one place where live frames are dropped, between decoder and graph."""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass, replace
from time import monotonic

from vidface.data.frame import Frame
from vidface.data.source import LEFT_OUT, SPARE

FULL = "newer frames were waiting"
STALE = "older than the staleness budget"
BEHIND = "the decoder was behind and went on at a key frame"
MOST_WAITING = 4
_MOST_BYTES = 64 * 2**20
_EARLY = 0.1  # of a period: times are rounded, and 10 of 10 frames a second are all of them


@dataclass(frozen=True, slots=True)
class Gap:
    """Something is missing before a frame.

    Attributes:
        cause: a plain phrase.
        frames: how many pictures, None where it cannot be known.
        lost_s: seconds for which the camera was away.
    """

    cause: str
    frames: int | None = None
    lost_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Entrant:
    """A frame that waits, and what is missing before it."""

    frame: Frame
    gaps: tuple[Gap, ...] = ()


class Beat:
    """Chooses frames so that there are `rate` a second, whatever their own rate; leaps begin anew."""

    def __init__(self, rate: float) -> None:
        self._period = 1 / rate
        self._next: float | None = None

    def due(self, time_s: float) -> bool:
        """Take the frame of this time? Once each, in order."""
        early = 0.0 if self._next is None else self._next - time_s
        if self._next is None or abs(early) > 2 * self._period:
            self._next, early = time_s, 0.0
        if early > _EARLY * self._period:
            return False
        self._next += self._period
        return True


class Entry:
    """A queue where the newest wins: what has no room, or waited too long, is dropped and counted.

    Args:
        staleness_s: budget. The newest frame is handed over however old it is: better late than never.
        room: frames that may wait.
        lossless: wait for room instead, for an input that waits as well.
        rate: frames a second to let in, at most; None for all.
    """

    def __init__(
        self,
        staleness_s: float,
        *,
        room: int = MOST_WAITING,
        lossless: bool = False,
        rate: float | None = None,
    ) -> None:
        self.dropped: Counter[str] = Counter()
        self.lossless = lossless
        self._staleness_s = staleness_s
        self._room = room
        self._beat = None if rate is None else Beat(rate)
        self._waiting: deque[Entrant] = deque()
        self._owed: tuple[Gap, ...] = ()
        self._changed = threading.Condition()
        self._open = False
        self._ended = False
        self._error: BaseException | None = None
        self.early = 0
        self._one_in = 1
        self._turn = 0
        self._held: tuple[Gap, ...] = ()

    def open(self) -> None:
        """From now on every frame that came counts, taken or not."""
        with self._changed:
            self._open = True

    def thin(self, one_in: int) -> None:
        """Let one frame in so many pass from now on."""
        with self._changed:
            self._one_in, self._turn = max(1, one_in), 0

    def put(self, frame: Frame, gaps: tuple[Gap, ...] = ()) -> None:
        """A frame came. Until somebody takes frames, only the newest one is kept, and nothing is counted."""
        with self._changed:
            room = 1 if not self._open else _room(frame, self._room)
            if self.lossless:
                self._changed.wait_for(lambda: self._ended or len(self._waiting) < room)
            if self._ended:
                return
            gaps, self._held = self._held + gaps, ()
            if self._spare(frame) or self._left_out():
                self._held = gaps
                return
            while len(self._waiting) >= room:
                self._drop(FULL)
            self._waiting.append(Entrant(frame, gaps))
            self._changed.notify_all()

    def owed(self) -> tuple[Gap, ...]:
        """What is missing behind the last frame that was taken."""
        with self._changed:
            gaps, self._owed, self._held = self._owed + self._held, (), ()
            return gaps

    def skipped(self, frames: int) -> None:
        """Packets were left out before the decoder."""
        with self._changed:
            if frames:
                self.dropped[BEHIND] += frames

    def take(self, timeout_s: float | None = None) -> Entrant | None:
        """The next frame, waiting for it; None at the end, or when the time is over.

        Raises:
            BaseException: what ended the decoder.
        """
        with self._changed:
            self._open = True
            self._changed.wait_for(lambda: self._waiting or self._ended, timeout_s)
            oldest = monotonic() - self._staleness_s
            while len(self._waiting) > 1 and not self.lossless and _before(self._waiting[0].frame, oldest):
                self._drop(STALE)
            if not self._waiting:
                if self._error is not None:
                    raise self._error
                return None
            entrant = self._waiting.popleft()
            gaps, self._owed = self._owed + entrant.gaps, ()
            self._changed.notify_all()
            return replace(entrant, gaps=gaps)

    def end(self, error: BaseException | None = None) -> None:
        """No more frames come; those that wait are still handed over."""
        with self._changed:
            self._ended = True
            self._error = self._error or error
            self._changed.notify_all()

    @property
    def ended(self) -> bool:
        """No more frames come."""
        return self._ended

    def _spare(self, frame: Frame) -> bool:
        """Whether it is more than was asked for."""
        out = self._open and self._beat is not None and not self._beat.due(float(frame.time))
        if out:
            self.dropped[SPARE] += 1
        return out

    def _left_out(self) -> bool:
        """Whether the ladder passes over the frame that came."""
        out = self._open and not self.lossless and self._turn % self._one_in != 0
        self._turn = (self._turn + 1) % self._one_in
        if out:
            self.dropped[LEFT_OUT] += 1
        return out

    def _drop(self, cause: str) -> None:
        """Drop the oldest; what was missing before it is now missing before the next."""
        gone = self._waiting.popleft()
        self._owed += gone.gaps
        if self._open:
            self.dropped[cause] += 1
        else:
            self.early += 1


def _room(frame: Frame, most: int) -> int:
    width, height = frame.size
    return max(1, min(most, _MOST_BYTES // max(1, width * height * 3 // 2)))


def _before(frame: Frame, moment: float) -> bool:
    return frame.arrival is not None and frame.arrival < moment
