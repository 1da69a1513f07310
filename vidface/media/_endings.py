"""Whether a file stops before what it says of itself, where FFmpeg reads what is there and says nothing."""

from __future__ import annotations

import re
import struct
from fractions import Fraction
from pathlib import Path
from typing import Final

from av.video.stream import VideoStream

_ASF_FACTS: Final = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")  # the File Properties Object
_GIF_TAIL_BYTES: Final = 1 << 12
_GIF_END: Final = re.compile(rb"\0;[\0\t\n\r -~]*\Z")
"""End of the last block and trailer; programs append zeros or a line of text behind it."""
_ASF_HEAD_BYTES: Final = 1 << 16
_ASF_FIELDS: Final = struct.Struct("<24xQ16xQ8xQI")  # bytes of the file, 100 ns, preroll in ms, flags
_ASF_LIVE: Final = 1  # flag: written while it was sent, so that sizes mean nothing
_Y4M_HEAD_BYTES: Final = 4096
_ASF_SLACK_S: Final = Fraction(1, 2)


def cut_off(path: Path, stream: VideoStream, end: Fraction) -> bool:
    """The file is a GIF, y4m or ASF (WMV) that was cut off; False for other kinds, which tell by other means.

    Args:
        path: the file, which is there.
        stream: its pictures, still open.
        end: seconds at which the last picture that was read ends.
    """
    kind = stream.container.format.name
    if kind == "gif":
        return _GIF_END.search(_tail(path)) is None
    if kind == "yuv4mpegpipe":
        return _part_of_a_picture(path, stream)
    if kind == "asf":
        promised = _asf_end(path)
        return promised is not None and end < promised - _ASF_SLACK_S
    return False


def _tail(path: Path) -> bytes:
    with path.open("rb") as handle:
        handle.seek(max(0, path.stat().st_size - _GIF_TAIL_BYTES))
        return handle.read()


def _part_of_a_picture(path: Path, stream: VideoStream) -> bool:
    """What follows the header of a y4m is no whole number of pictures."""
    with path.open("rb") as handle:
        first, mark = handle.readline(_Y4M_HEAD_BYTES), handle.readline(_Y4M_HEAD_BYTES)
    context = stream.codec_context
    fmt = context.format
    if fmt is None:
        return False
    wide, high = context.width, context.height
    parts = len(fmt.components)
    samples = wide * high * (parts - 2 if parts > 2 else 1)
    if parts > 2:
        samples += 2 * fmt.chroma_width(wide) * fmt.chroma_height(high)
    each = len(mark) + samples * (2 if fmt.components[0].bits > 8 else 1)
    return (path.stat().st_size - len(first)) % each != 0


def _asf_end(path: Path) -> Fraction | None:
    """Seconds at which an ASF file ends by its header; None where it lacks no bytes, or cannot know."""
    with path.open("rb") as handle:
        head = handle.read(_ASF_HEAD_BYTES)
    place = head.find(_ASF_FACTS)
    if place < 0 or place + 16 + _ASF_FIELDS.size > len(head):
        return None
    size, ticks, preroll, flags = _ASF_FIELDS.unpack_from(head, place + 16)
    if flags & _ASF_LIVE or size <= path.stat().st_size:
        return None
    return Fraction(ticks, 10_000_000) - Fraction(preroll, 1000)
