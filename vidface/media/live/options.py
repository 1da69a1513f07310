"""LiveOptions: how a camera is watched."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from vidface.media.live.address import Transport
from vidface.media.live.retry import FIRST_S
from vidface.media.live.wire import Message


def silent(_what: object) -> None:
    """Nobody is told."""


class Hangup:
    """Lets go of a camera from another thread, also while its first picture is still waited for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._close: Callable[[], None] | None = None
        self._asked = False

    def attach(self, close: Callable[[], None]) -> None:
        """What lets go; called at once where that was asked for before."""
        with self._lock:
            self._close = close
            asked = self._asked
        if asked:
            close()

    def __call__(self) -> None:
        """Let go, now or as soon as there is something to let go of."""
        with self._lock:
            self._asked = True
            close = self._close
        if close is not None:
            close()


class Tap(Protocol):
    """Whoever wants what a camera sends as it is sent, before anything is left out: a recorder."""

    @property
    def sound(self) -> bool:
        """The sound is wanted as well."""

    def take(self, message: Message) -> None:
        """The next message; `Trouble` and `Ended` end what `Opened` began. Returns at once."""


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """How a camera is watched.

    Attributes:
        retry: connections tried in a row before it is given up; None for no limit. One that was lost within
            30 s counts as well.
        transport: of RTSP.
        trusted: see `LiveAddress.options`.
        open_s: seconds to wait for a connection and its first packet.
        stall_s: seconds without a packet (but two frame intervals at least) that mean a lost camera.
        staleness_s: a frame that waited longer is dropped where a newer one is there.
        rate: frames a second to hand over, at most; others are dropped evenly. None for all.
        first_wait_s: before the second try; later waits double up to a minute.
        rotate: degrees clockwise, 0, 90, 180 or 270, that bring its picture upright, beyond what it asks for.
        threads: of the decoder; 0 chooses.
        seed: of the jitter.
        tell: is told, in sentences without passwords, what happens to the connection.
        lost: is told why, when the camera goes (or is not there at first) and whenever there is another
            reason, without passwords.
        back: is told after how many seconds it came back, 0 at first; before that picture is handed on.
        hangup: lets go of the camera from another thread.
        recorder: is handed every packet that comes. It is not closed with the source.
    """

    retry: int | None = None
    transport: Transport = "tcp"
    trusted: Path | None = None
    open_s: float = 10.0
    stall_s: float = 2.0
    staleness_s: float = 0.5
    rate: float | None = None
    first_wait_s: float = FIRST_S
    rotate: int = 0
    threads: int = 0
    seed: int | None = None
    tell: Callable[[str], None] = silent
    lost: Callable[[str], None] = silent
    back: Callable[[float], None] = silent
    hangup: Hangup | None = None
    recorder: Tap | None = None
