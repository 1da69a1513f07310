"""CameraStation: one camera's place: takes what the outputs of its graph hand over."""

from __future__ import annotations

import threading
import time
from types import MappingProxyType
from typing import Any

from vidface.data.event import Event, EventKind, EventPost
from vidface.data.frame import Frame


class CameraStation:
    """A `vidface.data.station.Station`: passes events on, and keeps the newest picture. Safe from any thread.

    Args:
        posts: where its events go.

    Attributes:
        camera: name.
        session: set by the lane each time the graph begins anew.
        told: events by kind, since the program began.
    """

    def __init__(self, camera: str, *posts: EventPost) -> None:
        self.camera = camera
        self.session = ""
        self.told: dict[str, int] = {}
        self._posts = posts
        self._lock = threading.Lock()
        self._newest: tuple[int, Frame, str] | None = None

    def send(self, event: Event) -> None:
        """Pass an event on, under this camera's name."""
        with self._lock:
            self.told[event.kind] = self.told.get(event.kind, 0) + 1
        for post in self._posts:
            post.send(event)

    def report(self, kind: EventKind, **details: Any) -> None:
        """An event of the camera itself, now."""
        self.send(Event(kind, self.camera, time.time(), details=MappingProxyType(details)))

    def show(self, frame: Frame, comment: str = "") -> None:
        """Keep this picture, and what it says of itself, in place of the one before."""
        with self._lock:
            number = 1 if self._newest is None else self._newest[0] + 1
            self._newest = number, frame, comment

    @property
    def newest(self) -> tuple[int, Frame, str] | None:
        """Number of the newest picture, the picture, what it says of itself; None before the first."""
        with self._lock:
            return self._newest
