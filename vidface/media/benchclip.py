"""The clip that speed is measured on: a sample enlarged to 1080p with grain, played several times over."""

from __future__ import annotations

from fractions import Fraction
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Final

import av
import numpy as np
from av.container import InputContainer, OutputContainer
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from vidface.media.opening import open_input, video_stream
from vidface.media.planar import plane_views

SIZE: Final = (1920, 1080)
_GRAIN: Final = 2.0
"""Standard deviation of the noise over an enlarged sample, which would be too easy to decode without."""
_GRAINS: Final = 4
_CODED: Final = MappingProxyType({"preset": "veryfast", "crf": "23"})


def bench_clip(sample: Path, path: Path, *, times: int, size: tuple[int, int] = SIZE) -> Path:
    """Write a clip (MP4: H.264, and the sample's sound) that is as long as `times` samples.

    Coded once and then repeated packet by packet, so every pass through the sample is the same to a bit.

    Raises:
        InputError: the sample cannot be read or holds no picture.
    """
    once = path.with_suffix(".once.mp4")
    _enlarge(sample, once, size)
    _repeat(once, path, times)
    once.unlink()
    return path


def decoded_frames(path: str | Path, most: int | None = None) -> int:
    """Decode a video and look at nothing, with as many threads as FFmpeg likes; gives the number of frames.

    Raises:
        InputError: it cannot be read or holds no picture.
    """
    frames = 0
    with open_input(path) as container:
        stream = video_stream(container, path)
        stream.thread_type = "AUTO"
        for _ in container.decode(stream):
            frames += 1
            if frames == most:
                break
    return frames


def _enlarge(sample: Path, path: Path, size: tuple[int, int]) -> None:
    noise = np.random.default_rng(1)
    grains = [noise.normal(0, _GRAIN, size[::-1]).round().astype(np.int16) for _ in range(_GRAINS)]
    scaler, turn = VideoReformatter(), count()
    with open_input(sample) as source, av.open(str(path), "w") as sink:
        pictures = video_stream(source, sample)
        stream = sink.add_stream("libx264", rate=pictures.average_rate, options=dict(_CODED))
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        heard = [sink.add_stream_from_template(item) for item in source.streams.audio[:1]]
        for packet in source.demux():
            if packet.stream.type == "audio" and packet.dts is not None and heard:
                packet.stream = heard[0]
                sink.mux(packet)
            for frame in packet.decode() if packet.stream is pictures else ():
                if not isinstance(frame, VideoFrame):
                    continue
                large = scaler.reformat(frame, *size, format="yuv420p", interpolation=Interpolation.BICUBIC)
                large.pict_type = 0
                luma = plane_views(large, writable=True)[0]
                luma[...] = np.clip(luma + grains[next(turn) % _GRAINS], 0, 255)
                sink.mux(stream.encode(large))
        sink.mux(stream.encode())


def _repeat(once: Path, path: Path, times: int) -> None:
    with av.open(str(path), "w") as sink:
        out: dict[int, Stream] = {}
        for turn in range(times):
            with open_input(once) as source:
                length = _length(source)
                for item in source.streams if not out else ():
                    out[item.index] = sink.add_stream_from_template(item)
                _copy(source, sink, out, turn * length)


def _copy(source: InputContainer, sink: OutputContainer, out: dict[int, Stream], later: Fraction) -> None:
    """All packets, put later by so many seconds; of the sound those that begin within one length.

    What a sound stream has before its zero goes once only: it would lie over the end of the turn before.
    """
    length = _length(source)
    for packet in source.demux():
        if packet.dts is None or packet.pts is None or packet.time_base is None:
            continue
        if packet.stream.type == "audio":
            begins = packet.pts * packet.time_base
            if (later and begins < 0) or begins >= length:
                continue
        shift = round(later / packet.time_base)
        packet.pts += shift
        packet.dts += shift
        packet.stream = out[packet.stream.index]
        sink.mux(packet)


def _length(source: InputContainer) -> Fraction:
    """Seconds of the picture, exact: so many frames at its rate."""
    stream = source.streams.video[0]
    return Fraction(stream.frames) / Fraction(stream.average_rate or 25)
