"""SourceInfo, Hole, Source: what is known of an input, and the promise of whatever yields frames."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final, Protocol, runtime_checkable

from vidface.data.frame import Frame


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What the container says of an input, before anything is decoded.

    Attributes:
        name: path or masked URL, as people should see it.
        container: e.g. "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "gif", "images", "h264".
        codec: of the video stream, e.g. "h264".
        pixel_format: as coded, e.g. "yuv420p10le".
        width, height: pixels, upright (after rotation).
        rotation: degrees counter-clockwise that were undone to come upright: 0, 90, 180 or 270.
        time_base: seconds per unit of pts.
        rate: average frames a second, None where not stated.
        duration: seconds of the video stream, None where not stated.
        start: time of the first frame in seconds as the container states it (may be negative).
        frames: number of frames the container promises, None where it does not.
        matrix: "bt601", "bt709" or "bt2020"; `full_range`: 0..255 rather than 16..235.
        colour_source: "tags" where the stream states its colour, "size" where decided by size, "unread" where
            it states a matrix that is not known here (`extra["colours"]` says which).
        audio: one dict per audio stream: codec, rate_hz, channels, language.
        decoder: which decoder reads it: "pyav" or "decord".
        extra: anything else worth recording (profile, bit rate, metadata).
        live: it does not wait: frames that come faster than they are served are dropped at the entry.
    """

    name: str
    container: str
    codec: str
    pixel_format: str
    width: int
    height: int
    time_base: Fraction
    rotation: int = 0
    rate: Fraction | None = None
    duration: Fraction | None = None
    start: Fraction | None = None
    frames: int | None = None
    matrix: str = "bt709"
    full_range: bool = False
    colour_source: str = "size"
    audio: tuple[dict[str, Any], ...] = ()
    decoder: str = "pyav"
    extra: dict[str, Any] = field(default_factory=dict)
    live: bool = False


@dataclass(frozen=True, slots=True)
class Hole:
    """Frames that should have been there and are not.

    Attributes:
        cause: a plain phrase: "input ends early", "packet could not be decoded", ...
        frames: how many, None where it cannot be known.
        after_index: index of the last frame before the hole, -1 at the start.
        time: seconds near which it lies, None where not known.
    """

    cause: str
    frames: int | None
    after_index: int
    time: Fraction | None = None


class Source(Protocol):
    """Anything that yields frames in order: a file, a folder of pictures, a camera, a list in a test."""

    @property
    def info(self) -> SourceInfo:
        """Known before the first frame."""

    def frames(self) -> Iterator[Frame]:
        """Every frame once, in presentation order, indices 0, 1, 2 ...; may be called once."""

    def holes(self) -> tuple[Hole, ...]:
        """What is missing; complete once `frames` is exhausted."""

    def close(self) -> None:
        """Give back the file; safe to call twice and after a failure."""


@runtime_checkable
class Live(Source, Protocol):
    """A source that does not wait: a camera, or a file that is played as one."""

    @property
    def dropped(self) -> Counter[str]:
        """Frames dropped at the entry so far, by cause; they are in no other count."""

    @property
    def decode_s(self) -> float:
        """Seconds spent on decoding so far; the rest of the time was waiting."""

    def facts(self) -> dict[str, Any]:
        """The account of the connection, for run.json."""

    def finish(self) -> None:
        """Let `frames` come to its end; may be called from a signal handler or another thread."""


LEFT_OUT: Final = "left out, as the ladder says"
"""The cause of drops that `Thinned.thin` asked for."""
SPARE: Final = "more frames than were asked for"
"""The cause of drops where the user asked for fewer frames a second than there are."""
ON_PURPOSE: Final = frozenset({LEFT_OUT, SPARE})
"""Causes of drops that do not mean that somebody falls behind."""


@runtime_checkable
class Thinned(Live, Protocol):
    """A live source that can leave out frames evenly, so that fewer have to be dropped at random."""

    @property
    def waits(self) -> bool:
        """It waits for whoever takes frames, as a file would: nothing has to be given up for it."""

    def thin(self, one_in: int) -> None:
        """Hand over one frame in so many from now on; the others are dropped with the cause LEFT_OUT."""
