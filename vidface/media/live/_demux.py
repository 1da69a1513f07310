"""Open one address and send its packets; runs in the child."""

from __future__ import annotations

import re
import struct
import time
from fractions import Fraction
from typing import Any, Protocol

import av
from av.container import InputContainer

from vidface.media.live._arrivals import ArrivalClock, without_clock
from vidface.media.live._headers import other_coding
from vidface.media.live.wire import Coded, Ended, Heard, Message, Opened, Order, SoundTrack, Trouble

_REFUSED = (ConnectionRefusedError, ConnectionResetError, BrokenPipeError, ConnectionAbortedError)
_REPORT = struct.Struct("@IQI")  # AVRTCPSenderReport: source, NTP time, RTP time
_NTP_EPOCH_S = 2_208_988_800  # 1900 to 1970
_DAY_US = 86_400 * 10**6
_END_SLACK_S = 2.0
_LATE_S, _OFF_PACE_S = 1.0, 30.0
_MISSED = re.compile(r"missed (\d+) packets")


class Post(Protocol):
    """Where messages go; see `_child.Post`."""

    def send(self, message: Message) -> None:
        """Send at once."""

    def recalled(self, wait_s: float = 0.0) -> bool:
        """Another order has come."""


def watch(order: Order, post: Post) -> Trouble | Ended | None:
    """Send what an address sends, until it ends; None where another order came."""
    before = av.logging.get_level()
    av.logging.set_level(av.logging.WARNING)
    try:
        with av.logging.Capture(local=False) as said:
            return _watch(order, post, said)
    finally:
        # While FFmpeg logs through Python, a decoder with threads that is freed may wait for ever: its
        # threads wait for the interpreter, which waits for them.
        av.logging.set_level(before)


def _watch(order: Order, post: Post, said: list[Any]) -> Trouble | Ended | None:
    try:
        container = av.open(
            order.url,
            "r",
            format=order.format,
            options=order.options,
            metadata_errors="replace",  # a name in GBK, say
            timeout=(order.open_s, order.read_s),
        )
    except (OSError, av.error.FFmpegError) as error:
        return _distrusted(said) or _trouble(error, order, opening=True)
    with container:
        stream, trouble = video_of(container)
        if trouble is not None:
            return trouble
        sound = sound_of(container) if order.sound else None
        described = opened(container, stream, sound=sound)
        arrivals = ArrivalClock() if without_clock(container) else None
        post.send(described if arrivals is None else arrivals.told(described))
        clock = CameraClock(container, stream.time_base, by_day=len(container.streams) > 1)
        reached = 0.0
        pace = Pace() if order.paced and container.duration is None else None
        try:
            for packet in container.demux(*filter(None, (stream, sound))):
                if packet.size and packet.stream is sound:
                    post.send(_heard(packet))
                elif packet.size:
                    if pace is not None and packet.dts is not None:
                        post.recalled(pace.early_s(float(packet.dts * stream.time_base)))
                    coded = _coded(packet, clock, missed(said))
                    if (change := changed(described, packet, coded.data)) is not None:
                        return Trouble("lost", change)
                    post.send(coded if arrivals is None else arrivals.stamp(coded))
                    reached = float((packet.pts or 0) * stream.time_base)
                if post.recalled():
                    return None
        except (OSError, av.error.FFmpegError) as error:
            return _trouble(error, order, opening=False)
        promised = container.duration
    # A server that is killed ends a recording just as well, only not at its end.
    complete = promised is not None and reached > promised / av.time_base - _END_SLACK_S
    return Ended() if complete else Trouble("lost", "the camera ended the connection")


def changed(before: Opened, packet: Any, data: bytes) -> str | None:
    """What a packet brings that no decoder of the stream as it was opened understands, in words."""
    if (coding := other_coding(before, data)) is not None:
        return f"it changed its coding from {before.codec} to {coding}"
    # In FLV headers stand beside the pictures, and FFmpeg hands new ones over with the first that needs them.
    if before.extradata and packet.has_sidedata("new_extradata"):
        headers = bytes(packet.get_sidedata("new_extradata"))
        return None if headers == before.extradata else "it changed the headers of its pictures"
    return None


def video_of(container: Any) -> tuple[Any, Trouble | None]:
    """The stream to watch, or why there is none."""
    streams = container.streams.video
    if not streams:
        return None, Trouble("codec", "it sends no video")
    stream = container.streams.best("video") or streams[0]
    if stream.codec_context is None:
        what = "its video is coded in a way that FFmpeg cannot decode; set the camera to H.264 or H.265"
        return None, Trouble("codec", what)
    return stream, None


def sound_of(container: Any) -> Any:
    """The sound to send along; None where there is none that FFmpeg knows."""
    stream = container.streams.best("audio")
    return None if stream is None or stream.codec_context is None else stream


def opened(
    container: InputContainer,
    stream: Any,
    *,
    sound: Any = None,
    matrix: bytes = b"",
    began: float | None = None,
) -> Opened:
    """What the parent needs to know of a stream, and of the sound that is sent along."""
    context = stream.codec_context
    end = container.duration
    return Opened(
        container=container.format.name,
        codec=context.codec.name,
        extradata=context.extradata or b"",
        time_base=stream.time_base or Fraction(1, 90000),
        size=(context.width, context.height),
        pixel_format=context.pix_fmt,
        rate=stream.average_rate or context.framerate or stream.guessed_rate or None,
        duration=None if end is None else Fraction(end, av.time_base),
        matrix=matrix,
        audio=tuple(track.codec_context.name for track in container.streams.audio if track.codec_context),
        began=began,
        sound=None if sound is None else _track(sound),
    )


def _track(stream: Any) -> SoundTrack:
    context = stream.codec_context
    return SoundTrack(
        context.codec.name,
        context.extradata or b"",
        stream.time_base,
        rate_hz=context.sample_rate,
        channels=context.layout.nb_channels,
    )


class Pace:
    """When packets are due that come in heaps: as far apart as their times, however they came."""

    def __init__(self) -> None:
        self._zero: float | None = None

    def early_s(self, time_s: float) -> float:
        """Seconds until a packet of this time is due; one that is late, or leaps, sets the pace anew."""
        now = time.monotonic()
        early = 0.0 if self._zero is None else self._zero + time_s - now
        if self._zero is None or not -_LATE_S < early < _OFF_PACE_S:
            self._zero, early = now - time_s, 0.0
        return max(0.0, early)


class CameraClock:
    """What the camera says of the time of day: RTCP sender reports (RFC 3550) tie NTP to the stream's clock.

    FFmpeg takes the first report for the time of day at pts 0; later ones come with a packet and correct
    the drift between both. A clock that is more than a day off was never set, and is not used.

    Args:
        by_day: the stream is one of several. FFmpeg then makes their pts from the reports, so that they stay
            together: pts run with the time of day already, and have no drift to be corrected.
    """

    def __init__(self, container: InputContainer, base: Fraction, *, by_day: bool = False) -> None:
        self._container = container
        self._us = base * 10**6
        self._by_day = by_day
        self._last: tuple[int, int] | None = None  # RTP time of the last report, its pts
        self._tie: tuple[int, int] | None = None  # microseconds since 1970, pts

    def utc_us(self, packet: Any) -> int | None:
        """Microseconds since 1970 at which the packet's picture was taken; None where not known."""
        zero = self._container.start_time_realtime
        if packet.pts is None or zero is None or zero <= 0:
            return None
        if not self._by_day and packet.has_sidedata("rtcp_sr"):
            self._report(bytes(packet.get_sidedata("rtcp_sr")), zero)
        utc, pts = self._tie or (zero, 0)
        told = utc + round((packet.pts - pts) * self._us)
        return told if abs(told - time.time_ns() // 1000) < _DAY_US else None

    def _report(self, data: bytes, zero: int) -> None:
        if len(data) < _REPORT.size:
            return
        _, ntp, rtp = _REPORT.unpack_from(data)
        utc = (ntp * 10**6 >> 32) - _NTP_EPOCH_S * 10**6
        if self._last is None:
            self._last = rtp, round((utc - zero) / self._us)
        # RTP times wrap after half a day, pts do not: so from report to report, not from the first.
        since = (rtp - self._last[0] + 2**31) % 2**32 - 2**31
        self._last = rtp, self._last[1] + since
        self._tie = utc, self._last[1]


def missed(said: list[Any]) -> int:
    """Packets that FFmpeg missed by what it said, which it says nowhere else; what it said is forgotten."""
    found = [_MISSED.search(text) for _, _, text in said]
    said.clear()
    return sum(int(match[1]) for match in found if match)


def _coded(packet: Any, clock: CameraClock, lost: int) -> Coded:
    return Coded(
        bytes(packet),
        packet.pts,
        packet.dts,
        packet.duration or 0,
        time.monotonic(),
        utc_us=clock.utc_us(packet),
        key=packet.is_keyframe,
        damaged=packet.is_corrupt,
        hidden=packet.is_discard,
        missed=lost,
    )


def _heard(packet: Any) -> Heard:
    return Heard(bytes(packet), packet.pts, packet.dts, packet.duration or 0, time.monotonic())


def _distrusted(said: list[Any]) -> Trouble | None:
    """A certificate that will not do, which FFmpeg says nowhere but in its log."""
    if not any("certificate" in text for _, _, text in said):
        return None
    return Trouble("other", "the camera's certificate is none of the trusted, or made out to another host")


def _trouble(error: OSError | av.error.FFmpegError, order: Order, *, opening: bool) -> Trouble:
    """Why it does not go on, without the address: what FFmpeg says may repeat the password."""
    plain = (error.strerror or type(error).__name__).lower()
    scheme = order.url.partition("://")[0]
    limit = order.open_s if opening else order.read_s
    if isinstance(error, av.error.HTTPUnauthorizedError):
        return Trouble("password", "the camera does not accept the user name or the password (401)")
    if isinstance(error, av.error.HTTPForbiddenError):
        return Trouble("password", "the camera does not let this user watch (403)")
    if isinstance(error, av.error.HTTPNotFoundError):
        return Trouble("other", "the camera has no stream of that name (404)")
    if isinstance(error, av.error.ProtocolNotFoundError):
        mend = "pass the stream on as MPEG-TS: ffmpeg -i ADDRESS -c copy -f mpegts udp://127.0.0.1:9000"
        return Trouble("usage", f"the FFmpeg inside PyAV was built without {scheme}; {mend}")
    if isinstance(error, av.error.DecoderNotFoundError | av.error.DemuxerNotFoundError):
        return Trouble("codec", f"what comes is nothing that FFmpeg can read ({plain})")
    if isinstance(error, _REFUSED) and opening:
        return Trouble("refused", "nobody listens there (connection refused)")
    if isinstance(error, av.error.ExitError | TimeoutError):
        return Trouble("silent", f"nothing came for {limit:.0f} s")
    return Trouble("other" if opening else "lost", f"the connection failed ({plain})")
