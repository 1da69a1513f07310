"""Headers of coded streams: what a decoder must have before the first packet, and whether it has changed.

Cameras repeat these headers before key frames, and some change them there without connecting anew: with
another resolution, for one. Formats: H.264 (ITU-T H.264, 7.3.1 and annex B), H.265 (ITU-T H.265, 7.3.1
and annex B), MPEG-4 part 2 (ISO/IEC 14496-2, 6.2), JPEG (ITU-T T.81, B.2).
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final

import av

from vidface.media.live.wire import Coded, Opened

_START: Final = re.compile(rb"\x00\x00\x01")
_SETS: Final = {"h264": {7: 0, 8: 1}, "hevc": {32: 0, 33: 1, 34: 2}}
"""Coding -> types of units that are headers, and their order."""
_FRAMING: Final = {"h264": {7}, "hevc": {32, 33}}
"""Those that say what a picture is like; the others may change from picture to picture."""
_START_CODE: Final = b"\x00\x00\x01"
_HEVC_HEADS: Final = (b"\x40\x01", b"\x42\x01", b"\x44\x01")
"""Of H.265's three sets of parameters; to H.264 units of a kind that does not exist, and two partitions."""
_H264_HEADS: Final = tuple(
    re.compile(rb"\x00\x00\x01" + kind) for kind in (rb"[\x27\x47\x67]", rb"[\x28\x48\x68]")
)
"""Of H.264's two; to H.265 the first are units that nobody sends."""
_VOP: Final = b"\x00\x00\x01\xb6"
_LAYER: Final = re.compile(rb"\x00\x00\x01[\x20-\x2f].*?(?=\x00\x00\x01|\Z)", re.DOTALL)
_FRAME_HEADERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of a JPEG's frame header."""


def renewed(opened: Opened, packet: Coded) -> Opened:
    """The stream as this key frame describes it; `opened` itself where that is nothing new."""
    if not all(opened.size):
        size = coded_size(opened, packet)
        return renewed(replace(opened, size=size), packet) if size else opened
    if opened.codec == "mpeg4":
        return _renewed_mpeg4(opened, packet)
    if opened.codec == "mjpeg":
        return _renewed_mjpeg(opened, packet)
    if opened.codec not in _SETS or not _in_start_codes(opened.extradata):
        return opened
    known, found = _sets(opened.codec, opened.extradata), _sets(opened.codec, packet.data)
    merged = known | found
    framing = _FRAMING[opened.codec]
    if all(known.get(kind) == merged.get(kind) for kind in framing) and (known or not found):
        return opened
    order = _SETS[opened.codec]
    units = [unit for kind in sorted(merged, key=order.__getitem__) for unit in merged[kind]]
    changed = replace(opened, extradata=b"".join(b"\x00\x00\x00\x01" + unit for unit in units))
    return replace(changed, size=coded_size(changed, packet) or opened.size)


def other_coding(opened: Opened, data: bytes) -> str | None:
    """The coding that a packet brings headers of, where it is another one than the stream began with.

    A camera whose settings are changed goes on in the same MPEG-TS, of which FFmpeg keeps the first coding.
    """
    if not _in_start_codes(opened.extradata):
        return None
    if opened.codec == "h264" and all(_START_CODE + head in data for head in _HEVC_HEADS):
        return "hevc"
    if opened.codec == "hevc" and all(head.search(data) for head in _H264_HEADS):
        return "h264"
    return None


def coded_size(opened: Opened, packet: Coded) -> tuple[int, int] | None:
    """Width and height of a key frame's picture, by decoding it; None where it cannot be."""
    try:
        context: Any = av.CodecContext.create(opened.codec, "r")
        context.extradata = opened.extradata or None
        context.thread_count = 1
        frames = [*context.decode(av.Packet(packet.data)), *context.decode(None)]
    except (ValueError, av.error.FFmpegError):
        return None
    return (frames[0].width, frames[0].height) if frames else None


def _in_start_codes(extradata: bytes) -> bool:
    """Units follow start codes, as on a network; in files each follows its length."""
    return not extradata or extradata.startswith((b"\x00\x00\x01", b"\x00\x00\x00\x01"))


def _sets(codec: str, data: bytes) -> dict[int, tuple[bytes, ...]]:
    """Header units by type, without their start codes."""
    found: dict[int, tuple[bytes, ...]] = {}
    marks = [match.start() for match in _START.finditer(data)]
    for begin, end in pairwise([*marks, len(data)]):
        unit = data[begin + 3 : end].rstrip(b"\x00")
        if not unit:
            continue
        kind = unit[0] & 31 if codec == "h264" else unit[0] >> 1 & 63
        if kind in _SETS[codec]:
            found[kind] = (*found.get(kind, ()), unit)
    return found


def _renewed_mpeg4(opened: Opened, packet: Coded) -> Opened:
    head, vop, _ = packet.data.partition(_VOP)
    layer = _LAYER.search(head)
    before = _LAYER.search(opened.extradata)
    if not vop or layer is None or (before is not None and before[0] == layer[0]):
        return opened
    changed = replace(opened, extradata=head)
    return replace(changed, size=coded_size(changed, packet) or opened.size)


def _renewed_mjpeg(opened: Opened, packet: Coded) -> Opened:
    if _jpeg_size(packet.data) in (None, opened.size):
        return opened
    # Not by the picture's header alone: of interlaced pictures it gives half the height.
    size = coded_size(opened, packet)
    return opened if size in (None, opened.size) else replace(opened, size=size)


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Width and height by the frame header of a JPEG (ITU-T T.81, B.2.2)."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        kind, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        if kind in _FRAME_HEADERS:
            return int.from_bytes(data[at + 7 : at + 9]), int.from_bytes(data[at + 5 : at + 7])
        at += 1 if kind == 0xFF else 2 + length
    return None
