"""Board: what the live page shows, and whom it asks.

The page knows cameras through this protocol alone. Methods are called from a few threads of the web server,
several at a time, so they have to be thread-safe; all but `add_camera` and `remove_camera` return at once:
they tell what is known and wait for no camera.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal, Protocol, get_args

from vidface.data.frame import Frame
from vidface.errors import UsageError

CameraStatus = Literal["waiting", "watched", "lost", "stopped"]
"""waiting: no picture yet; watched: pictures come; lost: they came and will be again, perhaps; stopped: given
up, or ended."""

_STATUSES: Final = frozenset(get_args(CameraStatus))


@dataclass(frozen=True, slots=True)
class CameraView:
    """What is known of one camera at present.

    Attributes:
        name: as the user chose it.
        status: see `CameraStatus`.
        since_utc_s: when that status began, seconds since 1970.
        why: of a camera that is not watched: a sentence without passwords.
        size: width and height of its pictures in pixels.
        rate: pictures a second that were looked at lately.
        faces: in the newest picture.
        frames: looked at since the program began.
        dropped: frames that were not looked at, by cause, since the program began.
        connections: made since the program began; 1 where it was never lost.
        latency_ms: from a picture's arrival to the last output; keys p50, p95, p99.
        steps: of the ladder, in force now, mildest first, in words.
        recording: in words, such as "always" or "events: not now"; None where nothing is recorded.
        overdue: it waits for its first picture for so long that it counts as lost.
    """

    name: str
    status: CameraStatus
    since_utc_s: float
    why: str | None = None
    size: tuple[int, int] | None = None
    rate: float | None = None
    faces: int = 0
    frames: int = 0
    dropped: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    connections: int = 0
    latency_ms: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    steps: tuple[str, ...] = ()
    recording: str | None = None
    overdue: bool = False

    def __post_init__(self) -> None:
        if self.status not in _STATUSES:
            wanted = ", ".join(get_args(CameraStatus))
            raise UsageError(f"CameraView.status must be one of {wanted}, but is {self.status!r}")


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """The newest picture of a camera, as people should see it: with boxes and names, or with covers.

    `number` is another one for each picture of the camera. The picture is turned into a JPEG by the page's
    own thread, and only while somebody looks; `comment` is what it says there of itself.
    """

    number: int
    frame: Frame
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """An event that was told.

    Attributes:
        number: from 1 since the program began, one more for each event; what was read from an older log has
            none below 1 twice (0, -1, -2 going back is fine).
        row: `Event.row()`.
        shot: name of its picture, to be asked for with `Board.shot`; None where there is none (any more).
    """

    number: int
    row: Mapping[str, Any]
    shot: str | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """How the program is, cameras apart.

    Attributes:
        since_utc_s: when it began.
        notes: sentences about what needs attention: a full disk, a webhook that does not answer.
        failing: it does not do its work; /healthz then says so with status 503.
    """

    since_utc_s: float
    notes: tuple[str, ...] = ()
    failing: bool = False


@dataclass(frozen=True, slots=True)
class Measure:
    """A number for /metrics that is not of a `CameraView`.

    Attributes:
        name: after "vidface_", in Prometheus' way: `webhook_spooled`, `recorded_bytes` (a counter gets its
            "_total" by itself).
        told: what it means, for people.
        value: the number.
        kind: "counter" only ever rises.
        labels: such as {"camera": "door"}; the same keys for every value of a name.
    """

    name: str
    told: str
    value: float
    kind: Literal["gauge", "counter"] = "gauge"
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


class Board(Protocol):
    """Whoever watches the cameras."""

    def cameras(self) -> Sequence[CameraView]:
        """All of them, in the order of the user's file."""

    def shown(self, camera: str) -> Shown | None:
        """The newest picture; the last one of a lost camera; None where there is none or no such camera."""

    def events(self, limit: int) -> Sequence[Told]:
        """The latest, newest first."""

    def shot(self, name: str) -> bytes | None:
        """The JPEG of `Told.shot`; None where there is no such picture. `name` comes from outside."""

    def health(self) -> Health:
        """How the program is."""

    def metrics(self) -> Iterable[Measure]:
        """Numbers that are not of a camera's view."""

    def add_camera(self, name: str, settings: Mapping[str, Any]) -> None:
        """Watch one more camera; `settings` are what stands under its name in cameras.yaml.

        Raises:
            UsageError: the name is taken, or the settings are not sound; without passwords.
        """

    def remove_camera(self, name: str) -> None:
        """Watch it no longer.

        Raises:
            UsageError: there is no such camera.
        """
