"""Encoder: frames in, a video file out, every time kept as it is."""

from __future__ import annotations

import contextlib
import errno
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.codec.context import Flags
from av.container import OutputContainer
from av.packet import Packet
from av.video.frame import PictureType
from av.video.stream import VideoStream

from vidface.data.frame import Frame
from vidface.data.source import SourceInfo
from vidface.data.traffic import Traffic
from vidface.errors import OutputError
from vidface.media import nvenc
from vidface.media._audiolanes import Heard
from vidface.media._beside import Beside
from vidface.media._encodetags import lost_colours, lost_shape, tag, tagged_otherwise
from vidface.media.audio import AudioFrom, AudioTrack
from vidface.media.clock import KEY_EVERY_S, Clock
from vidface.media.codecs import EncodeSettings
from vidface.media.colour import Colour
from vidface.media.opening import address
from vidface.media.pixels import AvPixels
from vidface.media.probe import ALPHA_BESIDE

_FORMATS = {"mp4": "mp4", "mov": "mov", "mkv": "matroska", "webm": "webm"}
_CLEAR = "transparency was dropped"
_FIELDS = "interlaced pictures were coded as progressive; deinterlace first"


@dataclass(slots=True)
class _Open:
    """What exists once the first frame has shown format and size."""

    container: OutputContainer
    stream: VideoStream
    format: str
    size: tuple[int, int]
    colour: Colour
    clock: Clock
    audio: AudioTrack | None


class Encoder:
    """Writes one video file, opened when the first frame comes.

    mp4 and mov grow in fragments of two seconds and become plain, indexed files at the end; mkv and
    webm are written in clusters: whatever stops the run, what was written until then plays.

    Args:
        path: the file; it is replaced.
        settings: codec, container, quality, speed.
        info: the input, for rate and pixel shape.
        audio: where sound is copied from, None for a silent file.
        comment: what the file says of itself.
        beside: what it tells of the input, and what was left out of that.
        traffic: counts the pictures that go to NVENC.

    Raises:
        OutputError: from `write` and `finish`, in one sentence.
    """

    def __init__(
        self,
        path: Path,
        settings: EncodeSettings,
        info: SourceInfo,
        *,
        audio: AudioFrom | None = None,
        comment: str = "",
        beside: Beside | None = None,
        traffic: Traffic | None = None,
    ) -> None:
        self.path = path
        self.frames = 0
        self._settings = settings
        self._info = info
        self._audio = audio
        self._steps = beside.steps if beside else None
        self._tags = {**(beside.tags if beside else {}), **({"comment": comment} if comment else {})}
        self._traffic = traffic
        self._open: _Open | None = None
        self._broken = False
        self._until = Fraction(0)
        self._notes: Counter[str] = Counter(beside.notes if beside else ())

    @property
    def library(self) -> str:
        """FFmpeg's name of the encoder; settled with the first frame."""
        return self._settings.library

    def write(self, frame: Frame) -> None:
        """Encode one frame; frames come in order of time."""
        pixels = AvPixels.of(frame)
        with self._failing_plainly():
            output = self._open or self._begin(frame, pixels)
            if pixels.size != output.size:
                self._notes[f"frames of another size were scaled to {output.size[0]} x {output.size[1]}"] += 1
            if tagged_otherwise(pixels.upright()[1], output.colour):
                self._notes["frames of other primaries or transfer were tagged as the first is"] += 1
            picture = pixels.encodable(output.format, output.size, output.colour)
            if self._traffic is not None and self._settings.card is not None:
                self._traffic.add("pictures_to_card", sum(plane.buffer_size for plane in picture.planes))
            output.clock.stamp(picture, frame)
            try:
                packets = output.stream.encode(picture)
            finally:
                picture.pict_type = PictureType.NONE
            self._mux(output, packets)
            if output.audio is not None:
                with self._breaking():
                    output.audio.advance(frame.time, output.clock.shift)
        self._until = frame.time + (frame.duration * frame.time_base or 1 / (self._info.rate or Fraction(25)))
        self.frames += 1

    def finish(self) -> dict[str, Any]:
        """Complete the file; returns `files`, `frames`, `codec`, `audio`, `notes`."""
        sound = "none"
        if self._open is not None and not self._broken:
            with self._failing_plainly():
                self._mux(self._open, self._open.stream.encode(None), last=True)
                self._notes.update(self._open.clock.notes)
                if self._open.audio is not None:
                    sound = self._open.audio.finish(self._until, self._open.clock.shift)
                    self._notes.update(self._open.audio.notes)
                self._open.container.close()
            if not self.path.exists():
                raise OutputError(f"{self.path}: was written, but is gone; was its folder removed?")
        self.close()
        return {
            "files": [self.path.name] if self.frames else [],
            "frames": self.frames,
            "codec": self._settings.codec,
            "audio": sound,
            "notes": [f"{text} ({n} times)" if n > 1 else text for text, n in self._notes.items()],
        }

    def close(self) -> None:
        """Let go of the files; what was written stays. Safe to call twice."""
        output, self._open = self._open, None
        if output is None:
            return
        if output.audio is not None:
            output.audio.close()
        # The trailer may not fit any more (disk full): the fragments before it play without.
        with contextlib.suppress(av.error.FFmpegError):
            output.container.close()

    def _begin(self, frame: Frame, pixels: AvPixels) -> _Open:
        kind = self._settings.container
        clock = Clock.starting(frame, coarse=kind in ("mkv", "webm"), steps=self._steps)
        upright, colour = pixels.upright()
        name, lost = self._settings.pixel_format(upright.format.name, pixels.size)
        why = self._unfit_for_card(name, pixels.size)
        if why is not None:
            self._notes[f"encoded in software: {why}"] += 1
            self._settings = self._settings.in_software()
            name, lost = self._settings.pixel_format(upright.format.name, pixels.size)
        fields = self._info.extra.get("interlaced")
        clear = pixels.alpha or self._info.extra.get("alpha") == ALPHA_BESIDE
        aspect = self._aspect(pixels)
        square = lost_shape(self._settings, aspect)
        rgb = lost_colours(self._info.pixel_format, name)
        for text in (lost, rgb, square, _CLEAR if clear else None, _FIELDS if fields else None):
            if text:
                self._notes[text] += 1
        heard = Heard() if self._audio is None else self._audio.heard(kind)
        options = self._muxer_options(clock.base, late=heard.late)
        container = av.open(address(self.path), "w", format=_FORMATS[kind], container_options=options)
        stream = self._add_stream(container, name, pixels.size, clock.base)
        tag(stream, colour, pixels.size, aspect)
        container.metadata.update(self._tags)
        audio = None
        if self._audio is not None:
            audio = AudioTrack(container, kind, self._audio, heard)
        self._open = _Open(container, stream, name, pixels.size, colour, clock, audio)
        return self._open

    def _unfit_for_card(self, name: str, size: tuple[int, int]) -> str | None:
        """Why NVENC, where it was chosen, does not take such pictures; else None."""
        if self._settings.card is None:
            return None
        if name != "yuv420p":
            return f"NVENC is used for 4:2:0 of 8 bits, but this is {name}"
        return nvenc.nvenc_lack(self._settings.library, self._settings.card, size)

    def _add_stream(
        self, container: OutputContainer, name: str, size: tuple[int, int], base: Fraction
    ) -> VideoStream:
        if self._settings.codec == "av1":
            # SVT-AV1 writes a page of its settings to stderr and takes no other wish than this one.
            os.environ.setdefault("SVT_LOG", "1")
        rate = self._info.rate or Fraction(25)
        interval = max(1, min(600, round(KEY_EVERY_S * rate)))
        options = self._settings.options(interval, size)
        stream: Any = container.add_stream(
            self._settings.library, rate=rate.limit_denominator(1_000_000), options=options
        )
        context = stream.codec_context
        context.width, context.height = size
        context.pix_fmt = name
        context.time_base = base
        context.thread_count = self._settings.threads
        # PyAV asks for sliced threads otherwise, which x264 codes worse and half as parallel.
        context.thread_type = "FRAME"
        context.flags |= Flags.frame_duration.value
        if self._settings.codec == "h265" and self._settings.container in ("mp4", "mov"):
            context.codec_tag = "hvc1"  # the tag that Apple's players insist on
        return stream  # type: ignore[no-any-return]

    def _muxer_options(self, base: Fraction, *, late: bool) -> dict[str, str]:
        # Without "disabled" the muxer moves all times so that the first is not negative.
        options = {"avoid_negative_ts": "disabled", "flush_packets": "1"}
        if self._settings.container in ("mp4", "mov"):
            # While it grows the file is a row of fragments; at the end `hybrid_fragmented` makes a plain,
            # indexed mp4 of it. The start offset stands in an edit list, which `delay_moov` can fill in and
            # whose own clock (the movie's) must be as fine as the track's.
            # With delay_moov nothing at all is written before the first sound. Where that is late the header
            # comes first: the whole file is the same; one that was killed plays, and its pictures (alone, by
            # the delay of B-frames) come two frames late.
            header = "empty_moov+frag_discont" if late else "delay_moov"
            scale = str(base.denominator)
            options |= {
                "movflags": f"frag_keyframe+{header}+default_base_moof+hybrid_fragmented",
                "use_editlist": "1",
                "video_track_timescale": scale,
                "movie_timescale": scale,
            }
        return options

    def _aspect(self, pixels: AvPixels) -> Fraction | None:
        stated = self._info.extra.get("sample_aspect_ratio")
        if not stated:
            return None
        across, down = (int(part) for part in str(stated).split(":"))
        turned = self._info.rotation in (90, 270)
        return Fraction(down, across) if turned else Fraction(across, down)

    def _mux(self, output: _Open, packets: list[Packet[Any]], *, last: bool = False) -> None:
        output.clock.settle(packets, last=last)
        with self._breaking():
            for packet in packets:
                output.container.mux_one(packet)

    @contextlib.contextmanager
    def _breaking(self) -> Iterator[None]:
        """A muxer that could not write is given no more: with the next packet it may end the process."""
        try:
            yield
        except av.error.FFmpegError:
            self._broken = True
            raise

    @contextlib.contextmanager
    def _failing_plainly(self) -> Iterator[None]:
        try:
            yield
        except av.error.FFmpegError as error:
            raise OutputError(f"{self.path}: {self._why(error)}") from error

    def _why(self, error: av.error.FFmpegError) -> str:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return "the disk is full; what was written so far stays readable."
        if error.errno == errno.EFBIG:
            return "the file is as large as this disk or user may have; what was written stays readable."
        if isinstance(error, av.error.FileNotFoundError):
            return "its folder is gone."
        if error.errno == errno.EACCES:
            return "may not be written by this user; choose another folder."
        reason = (error.strerror or str(error)).lower()
        if self._open is None or not self.frames:
            size = f"{self._info.width} x {self._info.height}"
            return f"{self._settings.library} would not take {size} pictures ({reason})."
        return f"writing failed ({reason})."
