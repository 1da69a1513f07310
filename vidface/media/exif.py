"""The one EXIF tag that matters here: how a picture lies (CIPA DC-008, tag 0x0112)."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import BinaryIO

from vidface.media.orient import UPRIGHT, Turn

_TURNS = {
    2: Turn(False, True, False),
    3: Turn(False, True, True),
    4: Turn(False, False, True),
    5: Turn(True, False, False),
    6: Turn(True, True, False),
    7: Turn(True, True, True),
    8: Turn(True, False, True),
}
_ORIENTATION = 0x0112
_HEAD = b"Exif\0\0"  # before the block in a JPEG, and in some WebP files
_JPEG_BYTES = 1 << 17  # a JPEG's block is no longer than 64 kB and comes among the first


def stated_turn(handle: BinaryIO) -> Turn | None:
    """What brings a JPEG, PNG, WebP or TIFF upright; None where it states nothing, or is another kind."""
    head = handle.read(12)
    handle.seek(0)
    if head[:4] in (b"II*\0", b"MM\0*"):
        return _tiff_turn(handle)
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        block = _chunk(handle, 8, ">I4s", b"eXIf")
    elif head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        block = _chunk(handle, 12, "<4sI", b"EXIF")
    else:
        return jpeg_turn(handle.read(_JPEG_BYTES))
    return None if block is None else _tiff_turn(BytesIO(block.removeprefix(_HEAD)))


def jpeg_turn(data: bytes) -> Turn | None:
    """What brings a JPEG upright; None where it states nothing (or is no JPEG)."""
    if data[:2] != b"\xff\xd8":
        return None
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker, length = data[place + 1], struct.unpack_from(">H", data, place + 2)[0]
        if marker == 0xE1 and data[place + 4 : place + 10] == _HEAD:
            return _tiff_turn(BytesIO(data[place + 10 : place + 2 + length]))
        if marker == 0xDA:  # the picture itself begins
            return None
        place += 2 + length
    return None


def _chunk(handle: BinaryIO, place: int, layout: str, wanted: bytes) -> bytes | None:
    """The chunk of this name; it may lie before the picture or behind it."""
    sized_first = layout.endswith("s")
    while True:
        handle.seek(place)
        head = handle.read(8)
        if len(head) < 8:
            return None
        one, other = struct.unpack(layout, head)
        length, name = (one, other) if sized_first else (other, one)
        if name == wanted:
            return handle.read(length)
        # A PNG's chunk is followed by four bytes of checksum, one in RIFF by a byte if its length is odd.
        place += 8 + length + (4 if sized_first else length % 2)


def _tiff_turn(tiff: BinaryIO) -> Turn | None:
    order = {b"II": "<", b"MM": ">"}.get(tiff.read(2))
    if order is None:
        return None
    try:
        (first,) = struct.unpack(f"{order}2xI", tiff.read(6))
        tiff.seek(first)
        (count,) = struct.unpack(f"{order}H", tiff.read(2))
        for _ in range(count):
            tag, _, _, value = struct.unpack(f"{order}HHIH2x", tiff.read(12))
            if tag == _ORIENTATION:
                return _TURNS.get(value, UPRIGHT)
    except struct.error:  # a damaged header states nothing
        return None
    return None
