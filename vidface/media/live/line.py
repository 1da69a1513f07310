"""Line: the connection to one camera, called again until it is there or is given up."""

from __future__ import annotations

import random
import threading
import time

from vidface.errors import InputError
from vidface.media.live.address import LiveAddress
from vidface.media.live.entry import Gap
from vidface.media.live.link import Link
from vidface.media.live.options import LiveOptions
from vidface.media.live.retry import Backoff, knock
from vidface.media.live.wire import Opened, Order, Trouble

_KNOCK_EVERY_S = 1.0
_LATE_S = 2.0  # the child's own time-outs come first
_STEADY_S = 5.0  # a connection that lasted so long was none of several tries in a row: cameras limit sessions
_KEPT_S = 60.0  # a process that waits takes some 37 MB; another is there in half a second


class Line:
    """Calls one camera, and remembers since when it is away.

    While it is away for more than a minute there is a process for it only during each try.

    `close` may be called from any thread; the rest belongs to one at a time.

    Attributes:
        link: to the process that reads the camera.
        closed: nobody watches any more.
        began: when a player began; None of a camera.
        heard: a picture came.
    """

    def __init__(self, address: LiveAddress, options: LiveOptions) -> None:
        self.link = Link()
        self.closed = threading.Event()
        self._address = address
        self._options = options
        self.restart()

    def restart(self) -> None:
        """Forget what was; a player begins anew with the next call."""
        options = self._options
        self._backoff = Backoff(options.retry, options.first_wait_s, dice=random.Random(options.seed))
        self._lost: tuple[float, str] | None = None
        self._told: str | None = None
        self._back: float | None = None
        self.began: float | None = None
        self.heard = False

    def close(self) -> None:
        """Let go of the camera."""
        self.closed.set()
        self.link.close()

    def call(self) -> Opened | Trouble:
        """Open the camera; what came of it."""
        address, options = self._address, self._options
        sound = options.recorder is not None and options.recorder.sound
        order = Order(
            address.url(),
            address.format(),
            address.options(
                options.transport, read_timeout_s=options.open_s, sound=sound, trusted=options.trusted
            ),
            options.open_s,
            options.open_s,
            None if address.chaos is None else address.chaos.to_json(),
            self.began,
            paced=address.segmented,
            sound=sound,
        )
        self.link.order(order)
        until = time.monotonic() + options.open_s + _LATE_S
        while not self.closed.is_set():
            message = self.link.next(until - time.monotonic())
            if message is None:
                self.link.kill()
                break
            if isinstance(message, Opened | Trouble):
                return message
        return Trouble("silent", f"there was no answer for {options.open_s:.0f} s")

    def back(self) -> list[Gap]:
        """A first picture came: the gap before it, if it is not the first of all."""
        self._back, self._told = time.monotonic(), None
        before, self.heard = self.heard, True
        lost, self._lost = self._lost, None
        away = 0.0 if lost is None else time.monotonic() - lost[0]
        self._options.back(away)
        if lost is None or not before:
            return []
        self._options.tell(f"{self._address.name}: is back after {away:.1f} s.")
        return [Gap(f"camera lost: {lost[1]}; back after {away:.1f} s", None, away)]

    def still_lost(self) -> tuple[Gap, ...]:
        """The gap at the end of a camera that did not come back."""
        if self._lost is None:
            return ()
        since, why = self._lost
        return (Gap(f"camera lost: {why}; not back by the end", None, time.monotonic() - since),)

    def goes_on(self, trouble: Trouble) -> bool:
        """Wait for the next try; False where there is none.

        Raises:
            InputError: the first connection never came about.
        """
        name, text = self._address.name, self._address.clean(trouble.text) + self._hint(trouble)
        # One that fell silent may be slow, which is learnt; it is never called more often than it answers.
        lasted_s = 0.0 if self._back is None else time.monotonic() - self._back
        if lasted_s >= _STEADY_S or (self._back is not None and trouble.kind == "silent"):
            self._backoff.succeeded()
        self._back = None
        if self._lost is None:
            self._lost = time.monotonic(), text
        if text != self._told:
            self._told = text
            self._options.lost(text)
        hopeless = trouble.kind == "usage" or (not self.heard and trouble.kind in ("password", "codec"))
        wait = None if hopeless else self._backoff.next(trouble.kind)
        if wait is None and not self.heard:
            raise InputError(f"{name}: {text}.")
        if wait is None:
            self._options.tell(f"{name}: {text}; given up.")
            return False
        self._options.tell(f"{name}: {text}; trying again in {wait:.1f} s.")
        if time.monotonic() - self._lost[0] >= _KEPT_S:
            self.link.kill()
        self._pause(wait, eager=trouble.kind != "password")
        return not self.closed.is_set()

    def _hint(self, trouble: Trouble) -> str:
        udp = self._address.protocol == "rtsp" and self._options.transport == "udp"
        if self.heard or not udp or trouble.kind != "silent":
            return ""
        return " (something on the way may hold UDP back: --rtsp-transport tcp)"

    def _pause(self, wait_s: float, *, eager: bool) -> None:
        """Wait, but no longer than until a closed door opens."""
        door = self._address.door() if eager else None
        until = time.monotonic() + wait_s
        shut = door is not None and not knock(door)
        while (left := until - time.monotonic()) > 0:
            if self.closed.wait(min(left, _KNOCK_EVERY_S)) or (shut and door is not None and knock(door)):
                return
