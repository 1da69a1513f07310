"""Alarm: when a camera is told to be lost and to be back, once however often its graph fails."""

from __future__ import annotations

import threading
import time
from typing import Any, Final, NamedTuple

from vidface.data.event import EventKind
from vidface.watch.account import Standing

STEADY_S: Final = 60.0
"""A graph that has worked for so long has not merely begun anew."""


class Alarm(NamedTuple):
    """An event of the camera itself."""

    kind: EventKind
    details: dict[str, Any]


class Alarms:
    """Tells of a camera that is lost, and of one that is back.

    A camera that stayed away is back with its next frame. One whose graph failed is back when it has been
    watched for `STEADY_S`: the frames that it gives from one failure to the next end nothing, so that a graph
    that fails for days is told of once. It is lost since its first failure, however often it began anew.
    They outlive the lane of a camera, and the program: one that was told to be lost is told to be back by the
    next. Safe from any thread.

    Args:
        lost_utc_s: since when the camera is lost, where the program before this one told so; else None.
    """

    def __init__(self, lost_utc_s: float | None = None) -> None:
        self._lock = threading.Lock()
        self._told_since: float | None = None
        if lost_utc_s is not None:
            self._told_since = time.monotonic() - max(0.0, time.time() - lost_utc_s)
        self._resumed = False
        self._first_failure: float | None = None

    @property
    def lost_utc_s(self) -> float | None:
        """Since when the camera is lost, seconds since 1970, where that was told; None where it was not."""
        with self._lock:
            since = self._told_since
        return None if since is None else time.time() - (time.monotonic() - since)

    def failed(self) -> None:
        """The graph over the camera failed; after the account knows of it."""
        with self._lock:
            self._resumed = False
            if self._first_failure is None:
                self._first_failure = time.monotonic()

    def handed_on(self) -> None:
        """Another lane watches the camera: what was told holds, a failure that was not told is forgotten."""
        with self._lock:
            if self._told_since is None:
                self._first_failure = None

    def look(self, now: Standing, lost_after_s: float) -> Alarm | None:
        """What is to be told now; called now and then."""
        with self._lock:
            return self._look(now, lost_after_s)

    def _look(self, now: Standing, lost_after_s: float) -> Alarm | None:
        failed = self._first_failure
        if now.status == "watched":
            self._resumed = True
            if failed is not None and now.lasts_s < STEADY_S:
                return None
            self._first_failure = None
            since, self._told_since = self._told_since, None
            if since is None:
                return None
            return Alarm("camera_back", {"lost_s": round(time.monotonic() - now.lasts_s - since, 1)})
        # Where it was watched since the last failure, it is the camera that went.
        away_s = now.lasts_s if failed is None or self._resumed else time.monotonic() - failed
        if self._told_since is not None or now.why is None or away_s < lost_after_s:
            return None
        self._told_since = time.monotonic() - away_s
        return Alarm("camera_lost", {"cause": now.why, "away_s": round(away_s, 1)})
