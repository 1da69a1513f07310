"""One picture out of its file: whole, in part, or why not at all."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, Final, NamedTuple

import av
from av.video.frame import VideoFrame

from vidface.errors import InputError
from vidface.media.exif import stated_turn
from vidface.media.opening import open_input
from vidface.media.orient import Turn, quarter_turn

_MOST: Final = 1 << 31
"""FFmpeg decodes no picture of so many bytes, 8 a pixel, whatever its kind (its av_image_check_size)."""
_HEAD: Final = 1 << 20
_ANIMATED: Final = 2
_PNG_SIZE: Final = 24
_JPEG_SIZE: Final = 9
_MARKER: Final = 0xFF
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of the part of a JPEG that has its size."""


class Picture(NamedTuple):
    """A picture as it was coded, what brings it upright, and whether all of it could be read."""

    frame: VideoFrame
    turn: Turn
    whole: bool


def read_picture(path: Path) -> Picture | str:
    """The first picture of a file; or what is the matter with it, behind "it": "is damaged ..."."""
    try:
        frame, whole = _decoded(path, strict=True), True
        if frame is None:  # FFmpeg makes grey of what is missing in a JPEG, and says nothing
            frame, whole = _decoded(path, strict=False), False
    except InputError:
        frame = None
    if frame is None:
        return _why_not(path)
    with path.open("rb") as handle:
        stated = stated_turn(handle)  # FFmpeg's bare angle knows no mirrors
    return Picture(frame, stated or quarter_turn(frame.rotation), whole)


def _decoded(path: Path, *, strict: bool) -> VideoFrame | None:
    with open_input(path) as container:
        try:
            stream = container.streams.video[0]
            context: Any = stream.codec_context  # None where there is no decoder
            # Other decoders fail by themselves; that of TIFF refuses whole pictures when it is strict.
            if strict and context is not None and context.name == "mjpeg":
                context.options = {"err_detect": "explode"}
            return next(container.decode(stream), None)
        except (av.error.FFmpegError, IndexError):
            return None


def _why_not(path: Path) -> str:
    with path.open("rb") as handle:
        head = handle.read(_HEAD)
    if head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and len(head) > 20 and head[20] & _ANIMATED:
        return "is an animated WebP, which is not supported: save one of its pictures, or convert it to GIF"
    wide, high = _size(head)
    if (8 * wide + 1024) * (high + 128) >= _MOST:
        return f"has {wide} x {high} pixels, which is too large: make it smaller"
    return "is damaged or no picture"


def _size(head: bytes) -> tuple[int, int]:
    """Width and height that a PNG or JPEG states, 0 x 0 where it states none."""
    if head[:8] == b"\x89PNG\r\n\x1a\n" and len(head) >= _PNG_SIZE:
        wide, high = struct.unpack_from(">II", head, 16)
        return wide, high
    place = 2 if head[:2] == b"\xff\xd8" else len(head)
    while place + _JPEG_SIZE <= len(head) and head[place] == _MARKER:
        if head[place + 1] in _FRAMES:
            high, wide = struct.unpack_from(">HH", head, place + 5)
            return wide, high
        place += 2 + int.from_bytes(head[place + 2 : place + 4])
    return 0, 0
