"""Courier: carries letters to somebody far away, one after the other, until each has arrived."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from vidface.data.event import Event
from vidface.data.telling import unfailing
from vidface.events.letter import letter_of, pack, unpack
from vidface.events.spool import Spool

FIRST_S: Final = 1.0
LONGEST_S: Final = 60.0
_ASKED_S: Final = 600.0
"""However long the other side asks us to wait, it is no longer than this."""
_TELL_EVERY_S: Final = 60.0


class UndeliveredError(Exception):
    """A letter was not taken.

    Attributes:
        text: why, as a part of a sentence.
        again: it makes sense to try this letter again.
        wait_s: seconds that the other side asks us to wait; None where it does not say.
    """

    def __init__(self, text: str, *, again: bool = True, wait_s: float | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.again = again
        self.wait_s = wait_s


class Carrier(Protocol):
    """Knows the way to one receiver; used by one thread, except for `close`."""

    @property
    def name(self) -> str:
        """What people know it by, without secrets."""

    def carry(self, letter: dict[str, Any]) -> None:
        """Hand a letter over; returns once it was taken.

        Raises:
            UndeliveredError: it was not.
        """

    def close(self) -> None:
        """Let go of the connection, also in the middle of `carry`."""


@dataclass(slots=True)
class _Outage:
    """Since when nothing arrives."""

    since: float
    tries: int = 0
    told: float = 0.0
    text: str = ""


class Courier:
    """Takes events at once and carries them in a thread of its own, in order.

    A letter leaves the spool only when it was taken, so it may arrive twice but is not lost. After a failure
    all wait: 1 s, then twice as long each time up to a minute, shortened by up to a half at random.

    Args:
        kinds: kinds of events that are carried; None: all.
        pictures: letters hold the best shot.
        tell: is told, in sentences, when nothing arrives any more, and when it does again.
        first_s: the first wait.
    """

    def __init__(
        self,
        carrier: Carrier,
        spool: Spool,
        *,
        kinds: frozenset[str] | None = None,
        pictures: bool = False,
        tell: Callable[[str], None] = lambda _text: None,
        first_s: float = FIRST_S,
    ) -> None:
        self._carrier = carrier
        self._spool = spool
        self._kinds = kinds
        self._pictures = pictures
        self._tell = unfailing(tell)
        self._first_s = first_s
        self._dice = random.Random()
        self._outage: _Outage | None = None
        self._delivered = self._failed = self._given_up = 0
        self._lost: Counter[str] = Counter()
        self._wake, self._closing, self._closed = threading.Event(), threading.Event(), threading.Event()
        self._told_disk = self._told_full = False
        self._thread = threading.Thread(target=self._work, name=f"post {carrier.name}", daemon=True)
        self._thread.start()

    def send(self, event: Event) -> None:
        """Put an event into the spool: a write to the disk, never a call to somebody else.

        Raises:
            ValueError, OverflowError: the event's time is none.
        """
        if self._kinds is not None and event.kind not in self._kinds:
            return
        self._spool.put(pack(letter_of(event, pictures=self._pictures)))
        self._say_spool()
        self._wake.set()

    def close(self, timeout_s: float = 5.0) -> None:
        """Carry what can be carried within so many seconds; the rest waits for the next start."""
        until = time.monotonic() + timeout_s
        self._closing.set()
        self._wake.set()
        self._thread.join(max(0.0, until - time.monotonic()))
        self._closed.set()
        self._carrier.close()
        self._thread.join(1.0)

    def facts(self) -> dict[str, Any]:
        """delivered, failed (tries), waiting, lost by cause, and while nothing arrives: trouble."""
        spool = self._spool
        lost = {"no room": spool.overflowed, "too old": spool.expired, "unreadable": spool.unreadable}
        return {
            "delivered": self._delivered,
            "failed": self._failed,
            "waiting": len(self._spool),
            "lost": {cause: count for cause, count in (self._lost | Counter(lost)).items() if count},
            "trouble": self._trouble(),
        }

    def _trouble(self) -> str | None:
        if not self._thread.is_alive() and not self._closing.is_set():
            return "it has stopped working: a bug"
        return None if self._outage is None else self._outage.text

    def _work(self) -> None:
        while not self._closed.is_set():
            self._wake.clear()
            found = self._spool.first()
            if found is not None:
                self._carry(*found)
            elif self._closing.is_set():
                return
            else:
                self._wake.wait()

    def _carry(self, number: int, data: bytes) -> None:
        letter = unpack(data)
        if letter is None:
            self._lost["damaged"] += 1
            self._spool.drop(number)
            return
        try:
            self._carrier.carry(letter)
        except UndeliveredError as error:
            self._not_taken(number, error)
            return
        except ValueError as error:  # of libraries, about an odd name or answer; the thread must outlive it
            self._not_taken(number, UndeliveredError(f"its name or answer is odd ({type(error).__name__})"))
            return
        self._spool.drop(number)
        self._over()
        self._delivered += 1

    def _not_taken(self, number: int, error: UndeliveredError) -> None:
        """Counted once it is told: the account never shows a failure without its reason."""
        if not error.again:
            self._lost["refused"] += 1
            self._spool.drop(number)
            self._tell(f"{self._carrier.name}: {error.text}; this event is given up.")
            self._failed += 1
            return
        now = time.monotonic()
        outage = self._outage = self._outage or _Outage(now)
        changed = error.text != outage.text and now - outage.told >= _TELL_EVERY_S
        outage.text = error.text
        if outage.tries == 0 or changed:
            outage.told = now
            self._tell(f"{self._carrier.name}: {error.text}; events wait, and it is tried again.")
        wait = min(LONGEST_S, self._first_s * 2 ** min(outage.tries, 16)) * self._dice.uniform(0.5, 1.0)
        outage.tries += 1
        self._failed += 1
        if self._closing.is_set():
            self._closed.set()
            return
        self._closing.wait(max(wait, min(error.wait_s or 0.0, _ASKED_S)))

    def _over(self) -> None:
        outage, self._outage = self._outage, None
        if outage is not None:
            away = time.monotonic() - outage.since
            full, before = self._spool.overflowed, self._given_up
            self._given_up, self._told_full = full, False
            lost = f"; {full - before} were given up" if full > before else ""
            self._tell(f"{self._carrier.name}: takes events again after {away:.1f} s{lost}.")

    def _say_spool(self) -> None:
        """Say once what is wrong with the spool, until it is right again."""
        trouble, name = self._spool.trouble, self._carrier.name
        if trouble is not None and not self._told_disk:
            self._tell(
                f"{name}: events that wait cannot be kept on disk ({trouble}); they are kept in memory, and "
                "lost if the program ends before they were sent."
            )
        self._told_disk = trouble is not None
        if self._spool.overflowed > self._given_up and not self._told_full:
            self._told_full = True
            self._tell(f"{name}: too many events wait; from now on the oldest are given up.")
