"""PyavSource: the frames of a video file, in order, each with its exact time."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vidface.data.card import Card
from vidface.data.frame import Frame, Pixels
from vidface.data.planes import Matrix
from vidface.data.source import Hole, SourceInfo
from vidface.errors import InputError, UsageError
from vidface.media._endings import cut_off
from vidface.media.colour import Colour, colour_of, matrix_by_name
from vidface.media.cut import Cut
from vidface.media.losses import Losses
from vidface.media.opening import is_url, open_input, show_first, video_stream
from vidface.media.orient import UPRIGHT, Turn, turn_of
from vidface.media.pixels import AvPixels
from vidface.media.probe import FALLBACK_RATE, STILL_CODECS, probe, promised_end, promised_packets
from vidface.media.timeline import Timeline, mode_of

if TYPE_CHECKING:
    from vidface.media.nvdec import Nvdec

_MAX_READ_ERRORS = 8  # in a row, before the rest of the input is given up
_END_SLACK_S = Fraction(1, 2)  # players' and muxers' rounding of a stream's length
_MOST_THREADS = 16  # FFmpeg's own limit
_FIRST_STEP_BACK_S = 2  # a seek that lands too late is repeated from this much earlier, then 4 times that


@dataclass(slots=True)
class _Session:
    """One pass over the input; belongs to the thread that iterates."""

    container: InputContainer
    stream: VideoStream
    timeline: Timeline
    losses: Losses


class PyavSource:
    """A `vidface.data.source.Source` over a file or address, decoded by FFmpeg through PyAV.

    - Times are the container's own, exact; edit lists, start offsets and variable rates as stated.
    - Frames come upright: the display matrix is undone.
    - A packet that cannot be decoded is a hole; what follows is still read.
    - Sound files give the same frames with any number of threads; of heavily damaged ones FFmpeg's decoder
      conceals other pictures with several threads than with one.
    - With a `card`, NVDEC decodes where it can and leaves frames there; `info.extra["decoded_on"]` says so,
      or why not.
    - `frames` runs in one thread; `close` may be called from another one.

    Raises:
        InputError: the input cannot be read or holds no picture.
        UsageError: an unknown colour matrix or an empty part.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        cut: Cut | None = None,
        threads: int = 0,
        colorspace: str | None = None,
        card: Card | None = None,
        turned: Turn = UPRIGHT,
    ) -> None:
        self._path = path
        self._beyond = turned
        self._cut = cut or Cut()
        self._threads = threads
        self._override: Matrix | None = matrix_by_name(colorspace) if colorspace else None
        self._info = probe(path, colorspace=colorspace, turned=turned)
        self._nvdec: Nvdec | None = None
        if card is not None:
            from vidface.media.nvdec import nvdec_for

            self._nvdec, self._info.extra["decoded_on"] = nvdec_for(path, self._info, card)
        self._lock = RLock()
        self._session: _Session | None = None
        self._begun = False
        self._closed = False
        self._turned: tuple[int, Turn] | None = None

    @property
    def info(self) -> SourceInfo:
        """Known before the first frame; `extra` gains notes on odd times while frames are read."""
        return self._info

    def frames(self) -> Iterator[Frame]:
        """Every frame of the part once, in presentation order, indices 0, 1, 2 ..."""
        if self._begun:
            raise UsageError(
                f"{self._info.name}: its frames can be read once; open it again for a second time."
            )
        self._begun = True
        try:
            yield from self._wanted()
        finally:
            self.close()

    def holes(self) -> tuple[Hole, ...]:
        """What is missing; complete once `frames` is exhausted."""
        return self._session.losses.holes() if self._session else ()

    def close(self) -> None:
        """Give back the file; safe to call twice, in another thread and after a failure."""
        with self._lock:
            self._closed = True
            if self._session is not None:
                self._session.container.close()

    def _wanted(self) -> Iterator[Frame]:
        index = 0
        for frame, pts, epoch in self._positioned():
            time = pts * self._info.time_base
            if self._cut.before(time):
                if self._session is not None:
                    self._session.losses.skipped += 1
                continue
            if self._cut.behind(time):
                return
            yield self._frame(frame, index, pts, epoch)
            index += 1

    def _frame(self, frame: VideoFrame, index: int, pts: int, epoch: int) -> Frame:
        if frame.is_corrupt and self._session is not None:
            self._session.losses.concealed(index, pts * self._info.time_base)
        colour = colour_of(frame, override=self._override, still=self._info.codec in STILL_CODECS)
        return Frame(
            index=index,
            pts=pts,
            time_base=self._info.time_base,
            pixels=self._pixels(frame, colour),
            duration=self._duration(frame),
            epoch=epoch,
        )

    def _pixels(self, frame: VideoFrame, colour: Colour) -> Pixels:
        turn = self._turn(frame)
        if self._nvdec is not None:
            pixels = self._nvdec.pixels(frame, colour, turn)
            self._info.extra["decoded_on"] = self._nvdec.told(self._info.extra["decoded_on"])
            return pixels
        return AvPixels(frame, colour=colour, turn=turn)

    def _turn(self, frame: VideoFrame) -> Turn:
        """What brings the frame upright.

        To look at a frame's side data ties it into a reference cycle within PyAV, and pictures by the
        hundred would wait for the garbage collector; the bare angle is to be had without.
        """
        angle = frame.rotation
        if self._turned is None or self._turned[0] != angle:
            self._turned = angle, turn_of(frame).then(self._beyond)
        return self._turned[1]

    def _duration(self, frame: VideoFrame) -> int:
        session = self._session
        stated = session is None or session.timeline.mode == "pts"
        return frame.duration or 0 if stated or session is None else session.timeline.step

    def _positioned(self) -> Iterator[tuple[VideoFrame, int, int]]:
        """Frames from at or before the start of the part on."""
        start = self._cut.start
        first = self._info.start if self._info.start is not None else Fraction(0)
        session = self._open()
        if start is None or start <= first or session.timeline.mode != "pts":
            yield from self._decoded(session)
            return
        back = Fraction(0)
        while start - back > first:
            frames = self._decoded(self._sought(start - back))
            head = next(frames, None)
            if head is not None and head[1] * self._info.time_base <= start:
                yield head
                yield from frames
                return
            back = back * 4 or Fraction(_FIRST_STEP_BACK_S)
        yield from self._decoded(self._open())

    def _open(self) -> _Session:
        with self._lock:
            if self._session is not None:
                self._session.container.close()
            container = self._container()
            nvdec = self._nvdec
            stream = video_stream(container, self._path)
            stream.thread_type = "AUTO"
            # FFmpeg's own choice is one more, which holds a picture more and is no faster.
            stream.thread_count = self._threads or min(os.cpu_count() or 1, _MOST_THREADS)
            if nvdec is not None:  # the card decodes; threads would only hold pictures back
                stream.thread_count = 1
            rate = self._info.rate or FALLBACK_RATE
            step = max(1, round(1 / (rate * self._info.time_base)))
            timeline = Timeline(self._info.time_base, step)
            self._session = _Session(container, stream, timeline, Losses(self._info.time_base))
            timeline.mode = mode_of(container, self._info.codec)
            self._session.losses.strict = self._info.codec != "vp8" and timeline.mode != "lagged"
            return self._session

    def _container(self) -> InputContainer:
        """For the card where it decodes; if that cannot open the file again, for host memory from here on."""
        if self._nvdec is not None:
            try:
                return self._nvdec.open(self._path)
            except (av.error.FFmpegError, InputError, RuntimeError) as error:
                said = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
                self._nvdec = None
                self._info.extra["decoded_on"] = f"cpu: NVDEC failed after its trial ({said})"
        return open_input(self._path)

    def _sought(self, time: Fraction) -> _Session:
        session = self._open()
        offset = int(time / self._info.time_base)
        # An index that cannot seek leaves the reader at the start, which is right as well, only slower.
        with contextlib.suppress(av.error.FFmpegError):
            session.losses.since = self._cut.first
            show_first(session.container, session.stream)
            session.container.seek(offset, stream=session.stream, backward=True)
        return session

    def _decoded(self, session: _Session) -> Iterator[tuple[VideoFrame, int, int]]:
        end = Fraction(0)
        for packet in self._packets(session):
            for frame in self._pictures(session, packet):
                pts = session.timeline.stamp(frame.pts, frame.dts)
                end = max(end, (pts + self._duration(frame)) * self._info.time_base)
                yield frame, pts, session.timeline.epoch
        if not self._closed:
            part = session.losses.since is not None
            promised = promised_end(session.container, session.stream, part=part)
            if promised is not None and end < promised - _END_SLACK_S:
                session.losses.ends_early()
            if not is_url(self._path) and cut_off(Path(self._path), session.stream, end):
                session.losses.ends_early()
            session.losses.finish(promised_packets(session.container, session.stream))
        self._info.extra.update(session.timeline.notes())

    def _packets(self, session: _Session) -> Iterator[Packet[VideoStream] | None]:
        """Packets in storage order, then None to empty the decoder; read errors are stepped over."""
        errors = 0
        while errors < _MAX_READ_ERRORS:
            try:
                for packet in session.container.demux(session.stream):
                    if packet.size:
                        errors = 0
                        yield packet
                    if self._closed:
                        return
                break
            except av.error.FFmpegError as error:
                errors += 1
                session.losses.ends_early((error.strerror or "unknown").lower())
                if is_url(self._path):  # a server that fell silent: each further try takes the whole timeout
                    break
        yield None

    def _pictures(self, session: _Session, packet: Packet[VideoStream] | None) -> list[VideoFrame]:
        with self._lock:
            if self._closed:
                return []
            pts = None
            if packet is not None:
                pts = packet.pts if session.timeline.mode == "pts" else None
                session.losses.feed(pts, hidden=packet.is_discard, damaged=packet.is_corrupt)
                session.timeline.feed(packet.dts)
            try:
                frames = session.stream.codec_context.decode(packet)
            except av.error.EOFError:
                frames = []
            except av.error.FFmpegError as error:
                fault = None if self._nvdec is None else self._nvdec.fault(error)
                if fault is not None:
                    raise fault from error
                session.losses.failed((error.strerror or "unknown").lower(), pts)
                session.timeline.lose()
                frames = []
            for frame in frames:
                session.losses.strict &= not frame.interlaced_frame
                session.losses.came(frame.pts if session.timeline.mode == "pts" else None)
            return frames
