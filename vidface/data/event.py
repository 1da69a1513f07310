"""Event: something that happened before a camera, worth telling somebody who is not looking."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Literal, Protocol, get_args

from vidface.data.times import time_text
from vidface.errors import UsageError

EventKind = Literal[
    "track_started",
    "track_identified",
    "track_left",
    "unknown_lingering",
    "camera_lost",
    "camera_back",
]
EVENT_KINDS: tuple[str, ...] = get_args(EventKind)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Attributes:
        kind: one of EVENT_KINDS.
        camera: name of the camera, or of the input as people should see it.
        utc_s: seconds since 1970.
        time: seconds on the stream's own clock; None where it has none (a lost camera).
        track: what tells this appearance of a face from all others of the camera, also after a restart.
        name: who it is; None where unknown or not asked.
        details: plain values: score, box, duration_s, cause, ...
        picture: the best shot so far, a JPEG; None where there is none.
    """

    kind: EventKind
    camera: str
    utc_s: float
    time: Fraction | None = None
    track: str | None = None
    name: str | None = None
    details: MappingProxyType[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    picture: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in EVENT_KINDS:
            raise UsageError(f"Event.kind must be one of {', '.join(EVENT_KINDS)}, but is {self.kind!r}")
        object.__setattr__(self, "details", MappingProxyType(dict(self.details)))

    def row(self) -> dict[str, Any]:
        """A plain dict without the picture, ready for JSON; `at` is UTC, ISO 8601, to the millisecond."""
        at = datetime.fromtimestamp(self.utc_s, UTC).isoformat(timespec="milliseconds")
        return {
            "kind": self.kind,
            "camera": self.camera,
            "at": at.replace("+00:00", "Z"),
            "time": None if self.time is None else time_text(self.time),
            "track": self.track,
            "name": self.name,
            **self.details,
        }


class EventPost(Protocol):
    """Whoever takes events: a log, a webhook, all of them."""

    def send(self, event: Event) -> None:
        """Take an event; returns at once, and never raises because somebody far away does not answer."""
