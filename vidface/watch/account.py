"""CameraAccount: what became of one camera since the program began, over all its connections and graphs."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from vidface.data.faces import Faces
from vidface.data.times import time_of_day
from vidface.graph.report import RunReport
from vidface.graph.tick import Tick
from vidface.web.board import CameraStatus, CameraView

_LATELY_S = 10


@dataclass(slots=True)
class Sums:
    """What can be added up: of the present graph, or of all before it."""

    frames: int = 0
    connections: int = 0
    dropped: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Sums) -> Sums:
        both = self.dropped + other.dropped
        return Sums(self.frames + other.frames, self.connections + other.connections, both)


class Standing(NamedTuple):
    """How a camera is at one moment.

    Attributes:
        lasts_s: since when, in seconds.
        why: there is no picture, if there is none.
    """

    status: CameraStatus
    lasts_s: float
    why: str | None


class CameraAccount:
    """Told by the lane and its camera, read by everybody; safe from any thread.

    Watched is a camera whose pictures come, once a frame of its present graph has been looked at: one whose
    graph fails each time it begins is not, however well it is. Times without it are on this machine's clock,
    from the first connection that failed or the moment it was seen to be gone.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._status: CameraStatus = "waiting"
        self._since = self._began
        self._since_utc = time.time()
        self._why: str | None = None
        self._there = self._looking = False
        self._last_error: dict[str, str] | None = None
        self._times: dict[str, float] = {}
        self._losses = 0
        self._longest_s = 0.0
        self._earlier, self._now = Sums(), Sums()
        self._graphs = self._evictions = 0
        self._marks: deque[tuple[float, int]] = deque(maxlen=_LATELY_S + 1)
        self._latency: dict[str, Any] | None = None
        self._ladder: Mapping[str, Any] | None = None
        self._size: tuple[int, int] | None = None
        self._faces = 0

    @property
    def status(self) -> CameraStatus:
        """How the camera is at present."""
        with self._lock:
            return self._status

    @property
    def standing(self) -> Standing:
        """The same, since when, and why."""
        with self._lock:
            return Standing(self._status, time.monotonic() - self._since, self._why)

    @property
    def away_s(self) -> float:
        """Seconds since when there is no picture; 0 while there are some."""
        with self._lock:
            return 0.0 if self._status == "watched" else time.monotonic() - self._since

    @property
    def why(self) -> str | None:
        """Why there is no picture, if there is none."""
        with self._lock:
            return self._why

    @property
    def there(self) -> bool:
        """Its pictures come, whether or not a graph looks at them."""
        with self._lock:
            return self._there

    def came(self) -> None:
        """Pictures come (again)."""
        with self._lock:
            self._there = True
            if self._looking:
                self._turn("watched", None)

    def went(self, why: str) -> None:
        """The camera is gone, or cannot be reached at first."""
        with self._lock:
            self._there = False
            if self._status == "stopped":
                return
            self._remember(why)
            if self._status == "watched":
                self._losses += 1
                self._turn("lost", why)
            else:
                self._why = why

    def stopped(self, why: str, *, error: bool = True) -> None:
        """Nobody watches it any more."""
        with self._lock:
            if error:
                self._remember(why)
            self._turn("stopped", why)

    def failed(self, why: str) -> None:
        """The graph over it failed, and will begin anew."""
        with self._lock:
            self._remember(why)
            self._turn("lost" if self._status in ("watched", "lost") else "waiting", why)

    def evicted(self) -> None:
        """Its graph was closed, since no picture came for long."""
        with self._lock:
            self._evictions += 1

    def began(self) -> None:
        """A graph begins over it."""
        with self._lock:
            self._graphs += 1
            self._ladder = None

    def looked(self, tick: Tick) -> None:
        """A frame has been through the graph."""
        with self._lock:
            self._now.frames += 1
            if not self._looking:
                self._looking = True
                if self._there:
                    self._turn("watched", None)
            self._size = tick.frame.size
            found = [value for value in tick.values() if isinstance(value, Faces)]
            self._faces = len(found[-1]) if found else 0
            now = time.monotonic()
            if not self._marks or now - self._marks[-1][0] >= 1:
                self._marks.append((now, self._frames()))

    def noted(self, report: RunReport, camera: Mapping[str, Any]) -> None:
        """What the run and the source say so far."""
        with self._lock:
            self._now.dropped = Counter(report.ledger.dropped)
            self._now.connections = int(camera.get("connections", 0))
            self._latency = report.latency.to_json() or self._latency
            self._ladder = report.ladder

    def ended(self) -> None:
        """The graph over it is closed."""
        with self._lock:
            self._there = self._looking = False
            self._earlier, self._now = self._earlier + self._now, Sums()

    def view(self) -> CameraView:
        """For the live page."""
        with self._lock:
            whole = self._earlier + self._now
            shares = (
                {key: float(self._latency[key]) for key in ("p50", "p95", "p99")} if self._latency else {}
            )
            return CameraView(
                name=self.name,
                status=self._status,
                since_utc_s=self._since_utc,
                why=self._why,
                size=self._size,
                rate=self._rate(),
                faces=self._faces if self._status == "watched" else 0,
                frames=whole.frames,
                dropped=MappingProxyType(dict(whole.dropped)),
                connections=whole.connections,
                latency_ms=MappingProxyType(shares),
                steps=_in_force(self._ladder),
            )

    def row(self) -> dict[str, Any]:
        """For watch.json."""
        with self._lock:
            whole = self._earlier + self._now
            times = {**self._times}
            times[self._status] = times.get(self._status, 0.0) + time.monotonic() - self._since
            watched = times.get("watched", 0.0)
            return {
                "status": self._status,
                "since": time_of_day(self._since_utc),
                "why": self._why,
                "size": self._size and list(self._size),
                "frames": whole.frames,
                "fps": round(whole.frames / watched, 2) if watched else 0.0,
                "fps_lately": self._rate(),
                "dropped": dict(whole.dropped),
                "latency_ms": self._latency,
                "connections": whole.connections,
                "losses": self._losses,
                "watched_s": round(watched, 1),
                "waited_s": round(times.get("waiting", 0.0), 1),
                "lost_s": round(times.get("lost", 0.0), 1),
                "longest_loss_s": round(max(self._longest_s, self._loss_now()), 1),
                "graphs_begun": self._graphs,
                "evictions": self._evictions,
                "ladder": self._ladder and dict(self._ladder),
                "last_error": self._last_error,
            }

    def _turn(self, status: CameraStatus, why: str | None) -> None:
        now = time.monotonic()
        self._why = why
        if status == self._status:
            return
        self._times[self._status] = self._times.get(self._status, 0.0) + now - self._since
        self._longest_s = max(self._longest_s, self._loss_now())
        self._status, self._since, self._since_utc = status, now, time.time()

    def _loss_now(self) -> float:
        return time.monotonic() - self._since if self._status == "lost" else 0.0

    def _remember(self, why: str) -> None:
        self._last_error = {"at": time_of_day(time.time()), "text": why}

    def _frames(self) -> int:
        return self._earlier.frames + self._now.frames

    def _rate(self) -> float:
        """Frames a second over the last ten."""
        now = time.monotonic()
        while self._marks and now - self._marks[0][0] > _LATELY_S + 1:
            self._marks.popleft()
        if not self._marks or now - self._marks[0][0] < 1:
            return 0.0
        since, frames = self._marks[0]
        return round((self._frames() - frames) / (now - since), 2)


def _in_force(ladder: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Steps of the ladder that count at present, mildest first, in words."""
    if ladder is None:
        return ()
    return tuple(str(rung["step"]) for rung in ladder["steps"][: ladder["height"]])
