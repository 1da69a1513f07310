"""Encode with PyAV: exact timestamps, colour tags, rotation, audio. One thread, so that bytes repeat."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

Image = NDArray[np.uint8]
# H.273 code points: (matrix for swscale, primaries, transfer, matrix coefficients)
BT709 = ("ITU709", 1, 1, 1)
BT601 = ("ITU601", 6, 6, 6)


@dataclass(frozen=True, slots=True, eq=False)
class Encoding:
    """How a clip is written. `times` are the frames' seconds; `rotation` as in `av.VideoFrame.rotation`."""

    size: tuple[int, int]
    times: tuple[Fraction, ...]
    time_base: Fraction
    crf: int
    colour: tuple[str, int, int, int] = BT709
    rotation: int = 0
    audio: NDArray[np.float32] | None = None
    audio_rate: int = 48_000


def encode(path: Path, frames: Iterable[Image], how: Encoding) -> None:
    """Write upright RGB frames; with a rotation the coded ones lie on their side for players to turn."""
    with av.open(str(path), "w", options={"fflags": "+bitexact"}) as container:
        video = _video_stream(container, how)
        sound = None if how.audio is None else _audio_stream(container, how.audio_rate)
        for image, time in zip(frames, how.times, strict=True):
            # rotation counts counterclockwise what a player does, so the coded picture gets the opposite turn
            coded = np.ascontiguousarray(np.rot90(image, k=-how.rotation // 90))
            frame = av.VideoFrame.from_ndarray(coded, format="rgb24").reformat(
                format="yuv420p", dst_colorspace=how.colour[0], dst_color_range="MPEG"
            )
            frame.pts, frame.time_base = int(time / how.time_base), how.time_base
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if sound is not None and how.audio is not None:
            _encode_audio(container, sound, how.audio)


def _video_stream(container: OutputContainer, how: Encoding) -> VideoStream:
    stream = container.add_stream("libx264", rate=25)
    assert isinstance(stream, VideoStream)
    width, height = how.size
    sideways = how.rotation % 180 != 0
    stream.width, stream.height = (height, width) if sideways else (width, height)
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.time_base = how.time_base
    context.thread_count = 1
    context.color_range = 1
    _, context.color_primaries, context.color_trc, context.colorspace = how.colour
    context.options = {
        "preset": "veryslow",
        "crf": str(how.crf),
        "x264-params": "threads=1:lookahead-threads=1:bframes=3:b-adapt=1:keyint=75",
    }
    if how.rotation:
        stream.set_display_rotation(how.rotation)
    return stream


def _audio_stream(container: OutputContainer, rate: int) -> AudioStream:
    stream = container.add_stream("aac", rate=rate, layout="stereo")
    assert isinstance(stream, AudioStream)
    stream.bit_rate = 64_000
    return stream


def _encode_audio(container: OutputContainer, stream: AudioStream, samples: NDArray[np.float32]) -> None:
    step = 1024
    for start in range(0, samples.shape[1], step):
        piece = np.ascontiguousarray(samples[:, start : start + step])
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = stream.rate, start, Fraction(1, stream.rate)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def stored_pts(path: Path) -> tuple[Fraction, list[int]]:
    """Time base and presentation timestamps, in order, of the frames that the file really holds."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        pts = [frame.pts for frame in container.decode(stream)]
        if stream.time_base is None or None in pts:
            raise ValueError(f"{path}: the container gives no time base or some frames no timestamp.")
        return stream.time_base, [p for p in pts if p is not None]
