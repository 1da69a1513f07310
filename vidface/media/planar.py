"""Planar YUV out of whatever a decoder gives, and numpy views of a frame's planes."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from vidface.data.planes import Planes
from vidface.media.colour import FULL, LIMITED, Colour
from vidface.media.orient import Turn

_READY = re.compile(r"yuvj?(420|422|444)p(10le|12le)?")
_GREY = re.compile(r"gray(10le|12le)?")


def planar_format(name: str, width: int, height: int) -> str:
    """The planar YUV format that a picture of format `name` is worked on and encoded in.

    What is planar YUV of 8, 10 or 12 bits stays as it is. Others go to the next one that loses no
    resolution of theirs, with two exceptions that keep the output playable everywhere: RGB and grey
    become 4:2:0 (browsers and phones play little else), and 4:4:4 where a side is odd (H.264 and
    HEVC cannot hold an odd 4:2:0 picture).
    """
    if _READY.fullmatch(name):
        return name
    fmt = VideoFormat(name, 64, 64)
    depth = max(part.bits for part in fmt.components)
    suffix = "" if depth <= 8 else "10le" if depth <= 10 else "12le"
    # Of 4:4:4 no component counts as chroma (to PyAV that is one of fewer samples): grey is what has one.
    grey = sum(not part.is_alpha for part in fmt.components) == 1
    if fmt.is_rgb or name == "pal8" or grey:
        subsampling = "444" if width % 2 or height % 2 else "420"
    else:
        across, down = 64 // fmt.chroma_width(64), 64 // fmt.chroma_height(64)
        subsampling = "444" if across == 1 else "420" if down > 1 else "422"
    return f"yuv{subsampling}p{suffix}"


def bits_of(name: str) -> int:
    """Bits a sample of a planar format by name: 8, 10 or 12."""
    return 10 if name.endswith("10le") else 12 if name.endswith("12le") else 8


def is_rgb(frame: VideoFrame) -> bool:
    """The picture is coded as RGB or as a palette of RGB."""
    return bool(frame.format.is_rgb) or frame.format.name == "pal8"


def has_alpha(frame: VideoFrame) -> bool:
    """The format has a channel of transparency (palettes may have one and are not counted)."""
    return any(part.is_alpha for part in frame.format.components)


def plane_views(frame: VideoFrame, *, writable: bool = False) -> list[NDArray[Any]]:
    """H x W views of a planar or grey frame's planes without the padding at the end of lines."""
    wide = frame.format.components[0].bits > 8
    dtype: Any = np.dtype("<u2") if wide else np.dtype(np.uint8)
    views = []
    for plane in frame.planes:
        step = abs(plane.line_size)
        view: NDArray[Any] = np.ndarray(
            (plane.height, plane.width), dtype, buffer=memoryview(plane), strides=(step, dtype.itemsize)
        )
        if plane.line_size < 0:  # stored bottom-up: the buffer starts at the last line
            view = view[::-1]
        view.setflags(write=writable)
        views.append(view)
    return views


def planes_of(frame: VideoFrame, colour: Colour, *, writable: bool = False) -> Planes:
    """A planar YUV frame as `Planes` that share its memory."""
    luma, u, v = plane_views(frame, writable=writable)
    return Planes(luma, u, v, bits_of(frame.format.name), colour.matrix, colour.full_range)


def blank_like(frame: VideoFrame, name: str, width: int, height: int) -> VideoFrame:
    """An empty frame of format `name` with the colour tags of `frame`."""
    fresh = VideoFrame(width, height, name)
    fresh.colorspace, fresh.color_range = frame.colorspace, frame.color_range
    return fresh


def copied(frame: VideoFrame) -> VideoFrame:
    """The same planar picture in memory of its own."""
    fresh = blank_like(frame, frame.format.name, frame.width, frame.height)
    for source, target in zip(plane_views(frame), plane_views(fresh, writable=True), strict=True):
        target[...] = source
    return fresh


def unsited(frame: VideoFrame) -> VideoFrame:
    """A planar picture to convert, in the same memory, that does not say where its chroma samples lie.

    swscale heeds that of pictures of more than 8 bits, PyAV cannot pass it on, and what comes from a card
    never says so: unless nobody does, crops and copies have other colours than the picture itself.
    """
    name = frame.format.name
    if not _READY.fullmatch(name) or bits_of(name) == 8 or "444" in name:
        return frame
    if frame.width % 2 or frame.height % 2 or any(plane.line_size < 0 for plane in frame.planes):
        return copied(frame)  # PyAV shares no such memory
    fresh = VideoFrame.from_dlpack(plane_views(frame, writable=True), format=name)
    fresh.colorspace, fresh.color_range = frame.colorspace, frame.color_range
    return fresh


def to_planar(frame: VideoFrame, colour: Colour) -> tuple[VideoFrame, Colour]:
    """The picture as planar YUV, still as stored, and the colour it then has."""
    name = planar_format(frame.format.name, frame.width, frame.height)
    if name == frame.format.name:
        return frame, colour
    if _GREY.fullmatch(frame.format.name):
        return _with_neutral_chroma(frame, name), colour
    coded = colour
    if is_rgb(frame):
        coded = replace(colour, full_range=False, tag=colour.matrix_code, source="rgb")
    converted = VideoReformatter().reformat(
        frame,
        format=name,
        dst_colorspace=coded.scaler_code,
        dst_color_range=FULL if coded.full_range else LIMITED,
        threads=1,
    )
    converted.colorspace = coded.matrix_code
    return converted, coded


def turned(frame: VideoFrame, turn: Turn) -> VideoFrame:
    """A planar frame turned upright, sample by sample.

    Chroma must lie alike in both directions for that: 4:2:2, and 4:2:0 with an odd side (where a
    mirror would move the chroma grid), go through 4:4:4.
    """
    if turn.upright:
        return frame
    name = frame.format.name
    odd = "420" in name and (frame.width % 2 or frame.height % 2)
    if odd or "422" in name:
        name = re.sub("42[02]", "444", name)
        frame = VideoReformatter().reformat(unsited(frame), format=name, threads=1)
    width, height = turn.size(frame.width, frame.height)
    fresh = blank_like(frame, name, width, height)
    for source, target in zip(plane_views(frame), plane_views(fresh, writable=True), strict=True):
        target[...] = turn.apply(np.ascontiguousarray(source))
    return fresh


def _with_neutral_chroma(frame: VideoFrame, name: str) -> VideoFrame:
    fresh = blank_like(frame, name, frame.width, frame.height)
    luma, u, v = plane_views(fresh, writable=True)
    luma[...] = plane_views(frame)[0]
    u[...] = v[...] = 1 << (bits_of(name) - 1)
    return fresh
