"""Recent: the latest events of all cameras, for the live page."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from vidface.data.event import Event, EventPost
from vidface.events.log import latest, shot_name, shot_path
from vidface.web.board import Told

_KEPT: Final = 500
_FRESH: Final = 50
_FRESH_S: Final = 60.0
"""Pictures are served from memory until the log has surely written them; then its retention counts."""


class Recent:
    """Takes events, remembers the latest, and hands them on; safe from any thread.

    Args:
        log: folder of the event log; events of an earlier run are read from there.
        post: where events go from here.
    """

    def __init__(self, log: Path, post: EventPost) -> None:
        self._log = log
        self._post = post
        self._lock = threading.Lock()
        earlier = [
            Told(-place, {key: row[key] for key in row if key != "shot"}, row.get("shot"))
            for place, row in enumerate(latest(log, _KEPT))
        ]
        self._told: deque[Told] = deque(reversed(earlier), maxlen=_KEPT)
        self._fresh: deque[tuple[float, str, bytes]] = deque(maxlen=_FRESH)
        self._kinds: Counter[str] = Counter()

    def send(self, event: Event) -> None:
        """Remember an event, and hand it on."""
        name = shot_name(event)
        with self._lock:
            self._kinds[event.kind] += 1
            self._told.append(Told(self._kinds.total(), event.row(), name))
            if name is not None and event.picture is not None:
                self._fresh.append((time.monotonic(), name, event.picture))
        self._post.send(event)

    def kinds(self) -> dict[str, int]:
        """Events since the program began, by kind."""
        with self._lock:
            return dict(self._kinds)

    def latest(self, limit: int) -> Sequence[Told]:
        """The latest, newest first."""
        with self._lock:
            return list(reversed(self._told))[: max(0, limit)]

    def shot(self, name: str) -> bytes | None:
        """The picture of that name; None where there is none (any more). The name may come from anybody."""
        oldest = time.monotonic() - _FRESH_S
        with self._lock:
            fresh = [data for at, own, data in self._fresh if own == name and at > oldest]
        path = None if fresh else shot_path(self._log, name)
        try:
            if path is not None:
                return path.read_bytes()
            return fresh[-1] if fresh else None
        except OSError:
            return None
