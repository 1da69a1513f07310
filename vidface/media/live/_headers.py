"""Headers of coded streams: what a decoder must have before the first packet, and whether it has changed.

Cameras repeat these headers before key frames, and some change them there without connecting anew: with
another resolution, for one. Formats: H.264 (ITU-T H.264, 7.3.1 and annex B), H.265 (ITU-T H.265, 7.3.1
and annex B), MPEG-4 part 2 (ISO/IEC 14496-2, 6.2).
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
_VOP: Final = b"\x00\x00\x01\xb6"
_LAYER: Final = re.compile(rb"\x00\x00\x01[\x20-\x2f].*?(?=\x00\x00\x01|\Z)", re.DOTALL)


def renewed(opened: Opened, packet: Coded) -> Opened:
    """The stream as this key frame describes it; `opened` itself where that is nothing new."""
    if not all(opened.size):
        size = coded_size(opened, packet)
        return renewed(replace(opened, size=size), packet) if size else opened
    if opened.codec == "mpeg4":
        return _renewed_mpeg4(opened, packet)
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
