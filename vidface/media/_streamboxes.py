"""Boxes of MP4 and MOV files: what they say of times, handlers and edit lists, read without a decoder.

ISO/IEC 14496-12 (ISO base media file format); FFmpeg applies edit lists and tells nothing of them, nor of
when a track was last changed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, Final

_EPOCH: Final = datetime(1904, 1, 1, tzinfo=UTC)
_MOST: Final = 256 << 20
"""Bytes of an index that are read: beyond it is no index of a real file."""
_MOST_BOXES: Final = 10_000
_MOST_EDITS: Final = 1000


@dataclass(frozen=True, slots=True)
class Edit:
    """One entry of an edit list.

    Attributes:
        start: seconds of the track's own time that are shown from; None where nothing is shown.
        length: seconds for which.
    """

    start: Fraction | None
    length: Fraction


@dataclass(frozen=True, slots=True)
class Track:
    """One track of the index.

    Attributes:
        kind: "vide", "soun", ... as the handler says.
        handler: its name, often that of the program that wrote it.
        created, modified: UTC; None where not stated.
        edits: the edit list.
        length: seconds of all that is stored; None where not stated, as in files of fragments.
    """

    kind: str = ""
    handler: str = ""
    created: datetime | None = None
    modified: datetime | None = None
    edits: tuple[Edit, ...] = ()
    length: Fraction | None = None

    def hidden(self) -> tuple[Fraction, Fraction]:
        """Seconds at the begin and at the end that are stored and not shown, by a list of one entry."""
        if len(self.edits) != 1 or self.edits[0].start is None:
            return Fraction(0), Fraction(0)
        start, shown = self.edits[0].start, self.edits[0].length
        # A length of 0 means up to the end: it is that of files whose pictures follow in fragments.
        after = self.length - start - shown if self.length is not None and shown else Fraction(0)
        return start, max(after, Fraction(0))


@dataclass(frozen=True, slots=True)
class Boxes:
    """What an index says.

    Attributes:
        order: names of the boxes at the top, in order, each once.
        created, modified: of the whole file, UTC.
        tracks: in order.
    """

    order: tuple[str, ...]
    created: datetime | None = None
    modified: datetime | None = None
    tracks: tuple[Track, ...] = ()


def read_boxes(path: Path) -> Boxes | None:
    """Read the index; None where the file is no MP4 or MOV, or cannot be read.

    What is damaged is left out; the rest is told.
    """
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            order: list[str] = []
            index = b""
            for name, start, length in _top(file, size):
                order.append(name)
                if name == "moov" and length <= _MOST and not index:
                    file.seek(start)
                    index = file.read(length)
    except OSError:
        return None
    if not {"ftyp", "moov", "mdat"}.intersection(order):
        return None
    return _of_index(tuple(dict.fromkeys(order)), memoryview(index))


def _top(file: BinaryIO, size: int) -> Iterator[tuple[str, int, int]]:
    """Name, start and length of the contents of each box at the top."""
    place = 0
    for _ in range(_MOST_BOXES):
        if place >= size:
            return
        file.seek(place)
        head = file.read(16)
        if len(head) < 8:
            return
        length, name = struct.unpack(">I4s", head[:8])
        inner = 8
        if length == 1 and len(head) == 16:
            length, inner = struct.unpack(">Q", head[8:])[0], 16
        elif length == 0:
            length = size - place
        if length < inner or not name.isascii():
            return
        yield name.decode("ascii", "replace"), place + inner, length - inner
        place += length


def _inside(data: memoryview) -> Iterator[tuple[str, memoryview]]:
    """The boxes within a box."""
    place = 0
    while place + 8 <= len(data):
        length, name = struct.unpack(">I4s", data[place : place + 8])
        if length < 8 or place + length > len(data):
            return
        yield name.decode("latin-1"), data[place + 8 : place + length]
        place += length


def _of_index(order: tuple[str, ...], moov: memoryview) -> Boxes:
    created, modified, scale = None, None, 0
    tracks = []
    for name, part in _inside(moov):
        if name == "mvhd":
            created, modified, scale, _ = _head(part)
        elif name == "trak":
            tracks.append(_track(part, scale))
    return Boxes(order, created, modified, tuple(tracks))


def _track(trak: memoryview, movie_scale: int) -> Track:
    edits, kind, handler = memoryview(b""), "", ""
    created, modified, scale, length = None, None, 0, None
    for name, part in _inside(trak):
        if name == "edts":
            edits = next((inner for what, inner in _inside(part) if what == "elst"), edits)
        elif name == "mdia":
            for what, inner in _inside(part):
                if what == "mdhd":
                    created, modified, scale, length = _head(inner)
                elif what == "hdlr" and len(inner) >= 24:
                    kind = bytes(inner[8:12]).decode("latin-1").strip("\0 ")
                    handler = _text(bytes(inner[24:]))
    return Track(kind, handler, created, modified, _edits(edits, movie_scale, scale), length)


def _head(part: memoryview) -> tuple[datetime | None, datetime | None, int, Fraction | None]:
    """Created, modified, time scale, and length in seconds, of mvhd or mdhd."""
    long = len(part) > 0 and part[0] == 1
    form = ">QQIQ" if long else ">IIII"
    if len(part) < 4 + struct.calcsize(form):
        return None, None, 0, None
    made, changed, scale, units = struct.unpack(form, part[4 : 4 + struct.calcsize(form)])
    stated = scale and units not in (0, (1 << (64 if long else 32)) - 1)
    return _date(made), _date(changed), scale, Fraction(units, scale) if stated else None


def _date(seconds: int) -> datetime | None:
    try:
        return _EPOCH + timedelta(seconds=seconds) if seconds else None
    except OverflowError:
        return None


def _edits(part: memoryview, movie_scale: int, scale: int) -> tuple[Edit, ...]:
    if len(part) < 8 or not movie_scale or not scale:
        return ()
    form = ">Qqi" if part[0] == 1 else ">Iii"
    step = struct.calcsize(form)
    count = min(struct.unpack(">I", part[4:8])[0], (len(part) - 8) // step, _MOST_EDITS)
    found = []
    for number in range(count):
        length, start, _ = struct.unpack(form, part[8 + number * step : 8 + (number + 1) * step])
        begin = None if start < 0 else Fraction(start, scale)
        found.append(Edit(begin, Fraction(length, movie_scale)))
    return tuple(found)


def _text(data: bytes) -> str:
    """A handler's name: ends with a zero in MP4, begins with its length in MOV."""
    if data and data[0] == len(data) - 1:
        data = data[1:]
    return data.split(b"\0")[0].decode("utf-8", "replace").strip()
