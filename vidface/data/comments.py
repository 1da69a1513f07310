"""Comments in still pictures: a text put into, and read from, PNG and JPEG bytes.

PNG: chunk iTXt with the keyword "Comment" (PNG specification, third edition, 11.3.3.4). JPEG: a COM segment
behind APP0 (ITU-T T.81, B.2.4.5).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_HEAD: Final = b"Comment\0\0\0\0\0"
_TEXTS: Final = (b"tEXt", b"iTXt", b"zTXt")
_MOST: Final = 1 << 20
"""Characters of one text that are read: a compressed one may claim to be endless."""


def with_comment(data: bytes, text: str) -> bytes:
    """The same picture with a comment; anything but a PNG or JPEG comes back as it is."""
    if data.startswith(_PNG):
        end = 8 + 12 + int.from_bytes(data[8:12])
        return data[:end] + _chunk(b"iTXt", _HEAD + text.encode()) + data[end:]
    if data.startswith(b"\xff\xd8"):
        end = 2
        if data[2:4] == b"\xff\xe0":
            end += 2 + int.from_bytes(data[4:6])
        words = text.encode()[: 0xFFFF - 2]
        return data[:end] + b"\xff\xfe" + (len(words) + 2).to_bytes(2) + words + data[end:]
    return data


def comments(data: bytes) -> dict[str, str]:
    """Texts of a PNG by keyword, or the comments of a JPEG; nothing where there are none or it is damaged."""
    if data.startswith(_PNG):
        return dict(_png(data))
    if data.startswith(b"\xff\xd8"):
        found = list(_jpeg(data))
        return {"Comment" if n == 0 else f"Comment {n + 1}": text for n, text in enumerate(found)}
    return {}


def _chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)


def _png(data: bytes) -> Iterator[tuple[str, str]]:
    place = 8
    while place + 8 <= len(data):
        size, kind = int.from_bytes(data[place : place + 4]), data[place + 4 : place + 8]
        if kind in _TEXTS:
            keyword, _, rest = data[place + 8 : place + 8 + size].partition(b"\0")
            yield keyword.decode("latin-1"), _png_text(kind, rest)
        place += 12 + size


def _png_text(kind: bytes, rest: bytes) -> str:
    if kind == b"tEXt":
        return rest.decode("latin-1")
    if kind == b"zTXt":
        return _inflated(rest[1:]).decode("latin-1")
    packed, body = rest[:1] == b"\1", rest[2:].split(b"\0", 2)[-1]
    return (_inflated(body) if packed else body).decode("utf-8", "replace")


def _inflated(body: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(body, _MOST)
    except zlib.error:
        return b""


def _jpeg(data: bytes) -> Iterator[str]:
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker, size = data[place + 1], int.from_bytes(data[place + 2 : place + 4])
        if marker == 0xDA or size < 2:
            return
        if marker == 0xFE:
            yield data[place + 4 : place + 2 + size].decode("utf-8", "replace")
        place += 2 + size
