"""Connection: the packets of one connection become pictures with times."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from time import perf_counter
from typing import Any

import av
from av.packet import Packet
from av.video.frame import VideoFrame

from vidface.data.planes import Matrix
from vidface.data.source import SourceInfo
from vidface.errors import InputError
from vidface.media.colour import colour_of
from vidface.media.live.entry import Gap
from vidface.media.live.wire import Coded, Opened
from vidface.media.losses import CONCEALED, DATA_LOST, NOT_DECODED
from vidface.media.orient import UPRIGHT, Turn, turn_by_matrix, turn_of
from vidface.media.probe import FALLBACK_RATE
from vidface.media.timeline import Timeline

LOST_ON_THE_WAY = "network packets were lost: {}"
_MOST_TO_KEY = 300  # a stream that renews its picture bit by bit has no key frames: then begin anywhere
_MOST_THREADS = 4
_MOST_RATE = 240
_REMEMBERED = 128
_SLOW = 0.1  # weight of the newest interval


@dataclass(frozen=True, slots=True)
class Picture:
    """One decoded picture.

    Attributes:
        pts: units of the stream's time base.
        arrival, utc_us: of its packet, see `Coded`.
        gaps: what is missing before it.
        leap: the stream's clock leapt here.
    """

    frame: VideoFrame
    pts: int
    arrival: float
    utc_us: int | None
    gaps: tuple[Gap, ...]
    leap: bool


class Connection:
    """The decoder of one connection; belongs to one thread at a time.

    No frame threads: each would hold a picture back. Packets before the first key frame are left out.

    Args:
        turned: beyond what the stream asks for.
        turns: by angle, kept from one connection to the next: to look at a picture's side data costs a
            reference cycle, which holds that picture until the garbage collector comes by.

    Raises:
        InputError: there is no decoder for this coding.
    """

    def __init__(
        self, opened: Opened, turns: dict[int, Turn], *, turned: Turn = UPRIGHT, threads: int = 0
    ) -> None:
        self.opened = opened
        self.began = False
        self.decode_s = 0.0
        self.packets = 0
        self._context = _context(opened, threads or min(os.cpu_count() or 1, _MOST_THREADS))
        rate = opened.rate or FALLBACK_RATE
        self._timeline = Timeline(opened.time_base, max(1, round(1 / (rate * opened.time_base))))
        self._turn = turn_by_matrix(opened.matrix).then(turned) if opened.matrix else None
        self._beyond = turned
        self._turns = turns
        self._stamps: dict[int, tuple[float, int | None]] = {}
        self._gaps: list[Gap] = []
        self._before_key = 0
        self._arrived: float | None = None
        self._interval_s = float(1 / rate)

    @property
    def interval_s(self) -> float:
        """Seconds between two packets, as they came lately, or as stated where that is longer."""
        stated = float(1 / self.opened.rate) if self.opened.rate else 0.0
        return max(stated, self._interval_s)

    @property
    def rate(self) -> Fraction | None:
        """Frames a second, as the container or the coding states them."""
        coded = self._context.framerate
        for rate in (self.opened.rate, Fraction(coded) if coded else None):
            if rate and rate <= _MOST_RATE:
                return rate
        return None

    def feed(self, packet: Coded) -> Iterator[Picture]:
        """Pictures that come out of the decoder with this packet."""
        self.packets += 1
        self._pace(packet.arrival)
        if not self.began and not packet.key and self._before_key < _MOST_TO_KEY:
            self._before_key += 1
            return
        self.began = True
        if packet.missed:
            self._gaps.append(Gap(LOST_ON_THE_WAY.format(packet.missed)))
        if packet.damaged:
            self._gaps.append(Gap(DATA_LOST))
        if packet.pts is not None:
            self._stamps[packet.pts] = packet.arrival, packet.utc_us
            if len(self._stamps) > _REMEMBERED:
                del self._stamps[next(iter(self._stamps))]
        yield from self._decoded(_packet(packet, self.opened.time_base), packet.arrival)

    def flush(self, arrival: float) -> Iterator[Picture]:
        """Pictures that the decoder still holds."""
        if self.began:
            yield from self._decoded(None, arrival)

    def turn(self, frame: VideoFrame) -> Turn:
        """What brings a picture upright."""
        if self._turn is not None:
            return self._turn
        angle = frame.rotation
        if angle not in self._turns:
            self._turns[angle] = turn_of(frame).then(self._beyond)
        return self._turns[angle]

    def info(self, name: str, frame: VideoFrame, override: Matrix | None) -> SourceInfo:
        """What is known of the input with its first picture."""
        turn = self.turn(frame)
        colour = colour_of(frame, override=override)
        width, height = turn.size(frame.width, frame.height)
        return SourceInfo(
            name=name,
            container=self.opened.container,
            codec=str(self._context.codec.canonical_name or self.opened.codec),
            pixel_format=frame.format.name,
            width=width,
            height=height,
            time_base=self.opened.time_base,
            rotation=turn.rotation,
            rate=self.rate,
            duration=self.opened.duration,
            matrix=colour.matrix,
            full_range=colour.full_range,
            colour_source=colour.source,
            audio=tuple({"codec": name} for name in self.opened.audio),
            live=True,
        )

    def _decoded(self, packet: Packet[Any] | None, arrival: float) -> Iterator[Picture]:
        begin = perf_counter()
        try:
            frames = self._context.decode(packet)
        except av.error.EOFError:
            return
        except av.error.FFmpegError as error:
            self._gaps.append(Gap(f"{NOT_DECODED}: {(error.strerror or 'unknown').lower()}", 1))
            self._timeline.lose()
            return
        finally:
            self.decode_s += perf_counter() - begin
        for frame in frames:
            yield self._picture(frame, arrival)

    def _picture(self, frame: VideoFrame, arrival: float) -> Picture:
        stamp = self._stamps.pop(frame.pts, None) if frame.pts is not None else None
        epoch = self._timeline.epoch
        pts = self._timeline.stamp(frame.pts, frame.dts)
        if frame.is_corrupt:
            self._gaps.append(Gap(CONCEALED, 0))
        gaps, self._gaps = tuple(self._gaps), []
        came, utc_us = stamp or (arrival, None)
        leap = self._timeline.epoch != epoch and not self.opened.by_arrival
        return Picture(frame, pts, came, utc_us, gaps, leap)

    def _pace(self, arrival: float) -> None:
        if self._arrived is not None:
            self._interval_s += _SLOW * (arrival - self._arrived - self._interval_s)
        self._arrived = arrival


def _context(opened: Opened, threads: int) -> Any:
    try:
        context: Any = av.CodecContext.create(opened.codec, "r")
    except (ValueError, av.error.FFmpegError):  # UnknownCodecError is a ValueError
        raise InputError(
            f"there is no decoder for {opened.codec}; set the camera to H.264 or H.265"
        ) from None
    if opened.extradata:
        context.extradata = opened.extradata
    if opened.pixel_format and all(opened.size) and opened.codec == "rawvideo":
        context.width, context.height = opened.size
        context.pix_fmt = opened.pixel_format
    context.thread_type = "SLICE"
    context.thread_count = threads
    return context


def _packet(coded: Coded, base: Fraction) -> Packet[Any]:
    packet: Packet[Any] = Packet(coded.data)
    packet.pts, packet.dts = coded.pts, coded.dts
    packet.duration = coded.duration
    packet.time_base = base
    packet.is_keyframe = coded.key
    return packet
