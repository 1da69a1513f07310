"""Wire: the messages that the child of a camera sends, and the one order that it gets.

A message is a letter, the length of its body (4 bytes), its body. Bodies of packets are binary, others JSON.
Times of arrival are `time.monotonic()`, one clock for all processes of a machine.
"""

from __future__ import annotations

import base64
import json
import struct
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from typing import Any, BinaryIO, ClassVar

_FRAME = struct.Struct("<cI")
_PACKET = struct.Struct("<qqqqdBI")
_SOUND = struct.Struct("<qqqd")
_NONE = -(2**63)
_KEY, _DAMAGED, _HIDDEN = 1, 2, 4
_MOST_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True)
class SoundTrack:
    """What is needed to keep the sound that comes with the pictures.

    Attributes:
        codec: the coding's name; `extradata` of the codec.
        time_base: seconds per unit of the packets' times.
        rate_hz: samples a second; `channels` of them.
    """

    codec: str
    extradata: bytes
    time_base: Fraction
    rate_hz: int
    channels: int


@dataclass(frozen=True, slots=True)
class Opened:
    """The stream is open; what is needed to decode it.

    Attributes:
        container: FFmpeg's name of the format.
        codec: the coding's name; `tag` is FourCC as a number.
        extradata: of the codec.
        time_base: seconds per unit of the packets' times.
        size: width and height as stated, 0 where not.
        pixel_format: as stated; raw video needs it.
        rate: frames a second as stated.
        duration: seconds, where the stream has an end.
        matrix: display matrix, 9 int32; empty where there is none.
        audio: names of the sound tracks' codecs.
        began: when the playing began, of a player.
        sound: the track whose packets come as `Heard`; None where none do.
        by_arrival: times are those at which packets came, as the stream has none: they cannot leap.
    """

    letter: ClassVar[bytes] = b"O"
    container: str
    codec: str
    extradata: bytes
    time_base: Fraction
    size: tuple[int, int] = (0, 0)
    pixel_format: str | None = None
    rate: Fraction | None = None
    duration: Fraction | None = None
    matrix: bytes = b""
    audio: tuple[str, ...] = ()
    began: float | None = None
    sound: SoundTrack | None = None
    by_arrival: bool = False


@dataclass(frozen=True, slots=True)
class Coded:
    """One compressed packet.

    Attributes:
        pts, dts, duration: units of the stream's time base.
        utc_us: microseconds since 1970 at which the camera says that the picture was taken.
        arrival: seconds of `time.monotonic()` when the demuxer gave it.
        key: decoding can begin here; `damaged`, `hidden` as the container says.
        missed: packets of the network that were lost before it.
    """

    letter: ClassVar[bytes] = b"P"
    data: bytes = field(repr=False)
    pts: int | None
    dts: int | None
    duration: int
    arrival: float
    utc_us: int | None = None
    key: bool = False
    damaged: bool = False
    hidden: bool = False
    missed: int = 0


@dataclass(frozen=True, slots=True)
class Heard:
    """One compressed packet of sound, for whoever records; nobody decodes it.

    Attributes:
        pts, dts, duration: units of the sound track's time base.
        arrival: as of `Coded`.
    """

    letter: ClassVar[bytes] = b"S"
    data: bytes = field(repr=False)
    pts: int | None
    dts: int | None
    duration: int
    arrival: float


@dataclass(frozen=True, slots=True)
class Trouble:
    """It does not go on.

    Attributes:
        kind: "password", "codec", "refused" (nobody listens there), "silent", "lost", "usage" (will never
            work), "other".
        text: the end of a sentence: "the camera refuses the connection".
    """

    letter: ClassVar[bytes] = b"T"
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of something that has an end."""

    letter: ClassVar[bytes] = b"E"


Message = Opened | Coded | Heard | Trouble | Ended


@dataclass(frozen=True, slots=True)
class Order:
    """What the child is to open; goes to it by its standard input, never by its command line.

    Attributes:
        url: with the password.
        format: container to expect.
        options: FFmpeg's.
        open_s, read_s: seconds to wait at most.
        player: see `Chaos.to_json`; the url is then not used.
        began: when the playing began; None begins now.
        paced: packets come in heaps (HLS: a segment at a time), and are sent on when they are due.
        sound: send the sound as well.
    """

    url: str = field(repr=False)
    format: str | None = None
    options: dict[str, str] = field(default_factory=dict)
    open_s: float = 10.0
    read_s: float = 10.0
    player: dict[str, Any] | None = None
    began: float | None = None
    paced: bool = False
    sound: bool = False

    def line(self) -> bytes:
        """One line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def of(cls, line: bytes) -> Order:
        """Back from `line`."""
        return cls(**json.loads(line))


def encode(message: Message) -> bytes:
    """A message as bytes."""
    if isinstance(message, Coded):
        flags = _KEY * message.key | _DAMAGED * message.damaged | _HIDDEN * message.hidden
        times = [_NONE if value is None else value for value in (message.pts, message.dts)]
        utc = _NONE if message.utc_us is None else message.utc_us
        head = _PACKET.pack(*times, message.duration, utc, message.arrival, flags, message.missed)
        return _FRAME.pack(message.letter, len(head) + len(message.data)) + head + message.data
    if isinstance(message, Heard):
        times = [_NONE if value is None else value for value in (message.pts, message.dts)]
        head = _SOUND.pack(*times, message.duration, message.arrival)
        return _FRAME.pack(message.letter, len(head) + len(message.data)) + head + message.data
    body = json.dumps(asdict(message), default=_plain).encode()
    return _FRAME.pack(message.letter, len(body)) + body


def receive(pipe: BinaryIO) -> Message | None:
    """The next message, waiting for it; None at the end of the pipe.

    Raises:
        ValueError: what comes is no message.
    """
    head = pipe.read(_FRAME.size)
    if len(head) < _FRAME.size:
        return None
    letter, length = _FRAME.unpack(head)
    if letter not in b"OPSTE" or length > _MOST_BYTES:
        raise ValueError(f"not a message: {head!r}")
    body = pipe.read(length)
    return _decoded(letter, body) if len(body) == length else None


def _decoded(letter: bytes, body: bytes) -> Message:
    if letter == Coded.letter:
        pts, dts, duration, utc, arrival, flags, missed = _PACKET.unpack_from(body)
        return Coded(
            body[_PACKET.size :],
            None if pts == _NONE else pts,
            None if dts == _NONE else dts,
            duration=duration,
            arrival=arrival,
            utc_us=None if utc == _NONE else utc,
            key=bool(flags & _KEY),
            damaged=bool(flags & _DAMAGED),
            hidden=bool(flags & _HIDDEN),
            missed=missed,
        )
    if letter == Heard.letter:
        pts, dts, duration, arrival = _SOUND.unpack_from(body)
        times = (None if pts == _NONE else pts, None if dts == _NONE else dts)
        return Heard(body[_SOUND.size :], *times, duration=duration, arrival=arrival)
    facts = json.loads(body)
    if letter == Trouble.letter:
        return Trouble(**facts)
    return Ended() if letter == Ended.letter else _opened(facts)


def _opened(facts: dict[str, Any]) -> Opened:
    facts |= {key: base64.b64decode(facts[key]) for key in ("extradata", "matrix")}
    exact = {key: facts[key] and Fraction(facts[key]) for key in ("time_base", "rate", "duration")}
    lists = {key: tuple(facts[key]) for key in ("size", "audio")}
    sound = facts["sound"] and _sound(facts["sound"])
    return Opened(**{**facts, **exact, **lists, "sound": sound})


def _sound(facts: dict[str, Any]) -> SoundTrack:
    exact = {"extradata": base64.b64decode(facts["extradata"]), "time_base": Fraction(facts["time_base"])}
    return SoundTrack(**{**facts, **exact})


def _plain(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)
