"""Makes the small clips that the media tests read: a square that moves one step a frame over a gradient."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.data import Frame
from vidface.media.decode import open_source

QUIET_X265 = {"x265-params": "log-level=none"}


def picture(i: int, size: tuple[int, int] = (64, 48)) -> NDArray[np.uint8]:
    """H x W x 3 RGB: a grey ramp whose brightness tells the frame, and a red square."""
    width, height = size
    image = np.empty((height, width, 3), np.uint8)
    image[...] = (40 + 5 * i) % 200
    image[:, :, 1] += np.linspace(0, 40, width).astype(np.uint8)
    side = max(1, min(size) // 4)
    x = (2 * i) % max(1, width - side)
    image[height // 4 : height // 4 + side, x : x + side] = (220, 30, 30)
    return image


@dataclass(frozen=True)
class Clip:
    """How a test clip is coded."""

    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    size: tuple[int, int] = (64, 48)
    pts: Sequence[int] = tuple(range(24))
    time_base: Fraction = Fraction(1, 25)
    rotation: int = 0
    sound: str | None = None
    colour: tuple[int, int] = (2, 0)
    options: dict[str, str] = field(default_factory=lambda: {"preset": "ultrafast", "g": "12", "bf": "2"})
    muxer: dict[str, str] = field(default_factory=dict)
    bare_options: dict[str, str] | None = None
    """For encoders that share none of x264's options."""
    aspect: Fraction | None = None
    """Width of a pixel over its height; None: square, and not said."""


def make(path: Path, clip: Clip) -> Path:
    """Write the clip and return its path."""
    options = dict(clip.options) if clip.codec in ("libx264", "libvpx") else {"g": "12"}
    if clip.bare_options is not None:
        options = dict(clip.bare_options)
    if clip.codec == "libx265":
        options |= QUIET_X265 | {"preset": "ultrafast"}
    if clip.codec in ("libvpx-vp9",):
        options |= {"cpu-used": "8", "deadline": "realtime"}
    with av.open(str(path), "w", container_options=clip.muxer) as out:
        stream: Any = out.add_stream(clip.codec, rate=25, options=options)
        context = stream.codec_context
        context.width, context.height = clip.size
        context.pix_fmt, context.time_base = clip.pixel_format, clip.time_base
        context.colorspace, context.color_range = clip.colour
        context.thread_count = 1
        if clip.aspect is not None:
            context.sample_aspect_ratio = stream.sample_aspect_ratio = clip.aspect
        if clip.rotation:
            stream.set_display_rotation(clip.rotation)
        sound = _Sound(out, clip.sound) if clip.sound else None
        for i, pts in enumerate(clip.pts):
            frame = av.VideoFrame.from_ndarray(picture(i, clip.size), "rgb24")
            frame = frame.reformat(format=clip.pixel_format)
            frame.pts, frame.time_base = pts, clip.time_base
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if sound is not None:
            sound.write(float(clip.pts[-1] * clip.time_base))
    return path


class _Sound:
    """A tone in the codec asked for, written after the video: tiny clips need no interleaving."""

    def __init__(self, out: Any, codec: str) -> None:
        self._out = out
        self._stream: Any = out.add_stream(codec, rate=48000)
        self._stream.codec_context.layout = "mono"

    def write(self, seconds: float) -> None:
        self._stream.codec_context.open(strict=False)
        context = self._stream.codec_context
        step = context.frame_size or 1024
        for start in range(0, int(seconds * 48000), step):
            t = np.arange(start, start + step) / 48000
            tone = (0.3 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)[None]
            frame = av.AudioFrame.from_ndarray(tone, "fltp", "mono")
            frame.sample_rate, frame.pts, frame.time_base = 48000, start, Fraction(1, 48000)
            for part in av.AudioResampler(context.format, "mono", 48000).resample(frame):
                self._out.mux(self._stream.encode(part))
        self._out.mux(self._stream.encode(None))


def read(path: Path, **options: Any) -> list[Frame]:
    """All frames of a file."""
    return list(open_source(path, **options).frames())


def times(frames: Iterable[Frame]) -> list[Fraction]:
    """Their times in seconds."""
    return [frame.time for frame in frames]


def sound_of(path: Path) -> tuple[str, list[Fraction]]:
    """MD5 over the packets of the first audio stream, and their times."""
    digest, stamps = hashlib.md5(usedforsecurity=False), []
    with av.open(str(path)) as container:
        for packet in container.demux(container.streams.audio[0]):
            if packet.size and packet.pts is not None:
                digest.update(bytes(packet))
                stamps.append(packet.pts * packet.time_base)
    return digest.hexdigest(), stamps


def noise(name: str = "yuv420p", size: tuple[int, int] = (96, 64), seed: int = 0) -> av.VideoFrame:
    """A frame of random samples."""
    frame = av.VideoFrame(*size, name)
    rng = np.random.default_rng(seed)
    deep = frame.format.components[0].bits > 8
    for plane in frame.planes:
        samples = np.frombuffer(memoryview(plane), np.uint16 if deep else np.uint8)
        samples[...] = rng.integers(64, 940 if deep else 235, samples.shape)
    return frame


def smooth(size: tuple[int, int] = (96, 64)) -> NDArray[np.uint8]:
    """RGB noise, blurred so that rounding in the warp stays small."""
    rng = np.random.default_rng(3)
    return np.asarray(
        cv2.GaussianBlur(rng.integers(0, 255, (size[1], size[0], 3)).astype(np.uint8), (0, 0), 2.5)
    )
