"""Fan: one place that takes the events of all cameras and hands them to everybody who wants them."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from vidface.data.event import Event, EventPost
from vidface.data.telling import unfailing
from vidface.errors import OutputError
from vidface.events.courier import Carrier, Courier
from vidface.events.log import EventLog
from vidface.events.mqtt import Mqtt
from vidface.events.redis import Redis
from vidface.events.settings import EventSettings, Receiver
from vidface.events.spool import Spool
from vidface.events.webhook import Webhook

ROOM: Final = 1000
"""Events that may wait for the disk; a camera never does."""


class Outlet(EventPost, Protocol):
    """Somebody who takes events; may use the disk, must not wait for anybody far away."""

    def facts(self) -> dict[str, Any]:
        """Plain values: what became of the events so far."""

    def close(self) -> None:
        """No more events come."""


class Fan:
    """Takes events at once, from any thread, and hands each to all outlets, in order, in a thread of its own.

    What an outlet cannot take is counted and told, once until it takes events again; the others get it.

    Args:
        outlets: by name.
        tell: is told, in sentences, what goes wrong.
    """

    def __init__(
        self,
        outlets: Mapping[str, Outlet],
        *,
        tell: Callable[[str], None] = lambda _text: None,
        room: int = ROOM,
    ) -> None:
        self._outlets = dict(outlets)
        self._tell = unfailing(tell)
        self._queue: queue.Queue[Event | None] = queue.Queue(room)
        self._overflowed = 0
        self._full = False
        self._lock = threading.Lock()
        self._failed: Counter[str] = Counter()
        self._broken: dict[str, int] = {}
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="events", daemon=True)
        self._thread.start()

    def send(self, event: Event) -> None:
        """Take an event; where there is no room it is counted and lost, since a camera must not wait."""
        try:
            if self._closed:
                raise queue.Full
            self._queue.put_nowait(event)
        except queue.Full:
            with self._lock:
                self._overflowed += 1
                first, self._full = not self._full, True
            if first and not self._closed:
                self._tell(
                    "events: too many events wait for the disk; new ones are lost until it is quicker."
                )

    def facts(self) -> dict[str, Any]:
        """lost (had no room here), and of each outlet its own facts and the events that it failed to take."""
        outlets = {
            name: outlet.facts() | {"not_taken": self._failed[name]} for name, outlet in self._outlets.items()
        }
        return {"lost": self._overflowed, **outlets}

    def close(self, timeout_s: float = 5.0) -> None:
        """Hand over what waits, for so many seconds at most, and close all outlets; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        until = time.monotonic() + timeout_s
        with contextlib.suppress(queue.Full):
            self._queue.put(None, timeout=timeout_s)
        self._thread.join(max(0.0, until - time.monotonic()))
        if self._thread.is_alive():
            self._tell("events: the disk is too slow; what waited for it at the end is lost.")
        for outlet in self._outlets.values():
            outlet.close()

    def _work(self) -> None:
        while (event := self._queue.get()) is not None:
            for name, outlet in self._outlets.items():
                self._hand(name, outlet, event)
            if self._full and self._queue.empty():
                self._full = False

    def _hand(self, name: str, outlet: Outlet, event: Event) -> None:
        try:
            outlet.send(event)
        # Beside disks: an event that is none, such as one at a time that no calendar has.
        except (OutputError, OSError, ValueError, TypeError, OverflowError) as error:
            self._failed[name] += 1
            self._broken[name] = self._broken.get(name, 0) + 1
            if self._broken[name] == 1:
                self._tell(f"{name}: {error}; events go on, and this is tried with each.")
            return
        lost = self._broken.pop(name, 0)
        if lost:
            self._tell(f"{name}: takes events again; {lost} were lost, or their pictures.")


def open_fan(
    settings: EventSettings,
    *,
    log: Path | Callable[[str], Path],
    spool: Path,
    tell: Callable[[str], None] = lambda _text: None,
    clock: Callable[[], float] = time.time,
) -> Fan:
    """The log, and whoever else the user named.

    Args:
        log: folder of the log; or what gives it for the name of a camera.
        spool: folder of letters that wait.
        clock: gives the time by which letters of an earlier process are old.

    Raises:
        UsageError: the spool cannot be written, a secret or a library is missing.
    """

    def courier(carrier: Carrier, chosen: Receiver, name: str) -> Courier:
        return _courier(carrier, chosen, spool / name, tell=tell, clock=clock)

    outlets: dict[str, Outlet] = {"log": EventLog(log)}
    if settings.webhook is not None:
        carrier = Webhook(settings.webhook, settings.webhook.secret())
        outlets["webhook"] = courier(carrier, settings.webhook, "webhook")
    if settings.mqtt is not None:
        outlets["mqtt"] = courier(Mqtt(settings.mqtt), settings.mqtt, "mqtt")
    if settings.redis is not None:
        outlets["redis"] = courier(Redis(settings.redis), settings.redis, "redis")
    return Fan(outlets, tell=tell)


def _courier(
    carrier: Carrier,
    settings: Receiver,
    folder: Path,
    *,
    tell: Callable[[str], None],
    clock: Callable[[], float],
) -> Courier:
    if settings.open_air:
        tell(f"{carrier.name}: events with names and faces travel there unencrypted.")
    spool = Spool(
        folder,
        most=settings.spool_events,
        most_bytes=settings.spool_mb * 1_000_000,
        most_s=settings.spool_h * 3600,
        clock=clock,
    )
    return Courier(carrier, spool, kinds=settings.kinds, pictures=settings.pictures, tell=tell)
