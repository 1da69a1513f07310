"""The one EXIF tag that matters here: how a JPEG lies (CIPA DC-008, tag 0x0112)."""

from __future__ import annotations

import struct

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


def jpeg_turn(data: bytes) -> Turn | None:
    """What brings a JPEG upright; None where it states nothing (or is no JPEG)."""
    if data[:2] != b"\xff\xd8":
        return None
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker, length = data[place + 1], struct.unpack_from(">H", data, place + 2)[0]
        if marker == 0xE1 and data[place + 4 : place + 10] == b"Exif\0\0":
            return _tiff_turn(data[place + 10 : place + 2 + length])
        if marker == 0xDA:  # the picture itself begins
            return None
        place += 2 + length
    return None


def _tiff_turn(tiff: bytes) -> Turn | None:
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return None
    try:
        (first,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, first)
        for entry in range(count):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, first + 2 + 12 * entry)
            if tag == _ORIENTATION:
                return _TURNS.get(value, UPRIGHT)
    except struct.error:  # a damaged header states nothing
        return None
    return None
