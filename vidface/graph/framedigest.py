"""Digests of decoded frames: what the decoder gave, to compare another decoding with.

Decoders that follow their standard give the same samples everywhere, so these digests tell a changed input
(or a decoder that conceals damage in another way) from a run that was changed afterwards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Final

import numpy as np

from vidface.data.frame import Frame
from vidface.data.source import Hole, Source, SourceInfo
from vidface.data.times import time_text

SEGMENT_S: Final = 10
"""Seconds of a segment; segment k has the frames of 10 k <= time < 10 (k + 1), on the input's own clock."""


class DigestedSource:
    """A source that is taken down as it passes: SHA-256 over the frames of every ten seconds.

    A frame adds its exact time as a fraction and its size as text (`1001/30000 1280x720\\n`), then its
    planes Y, U, V, row by row, as they were decoded, but upright; above 8 bits a sample has two bytes, the
    low one first.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._segments: list[dict[str, Any]] = []
        self._number: int | None = None
        self._hash = hashlib.sha256()
        self._first_index = self._frames = 0
        self._first = self._last = Fraction(0)

    @property
    def info(self) -> SourceInfo:
        """Of the source."""
        return self._source.info

    def frames(self) -> Iterator[Frame]:
        """The source's own frames."""
        for frame in self._source.frames():
            self._take(frame)
            yield frame
        self._end()

    def holes(self) -> tuple[Hole, ...]:
        """Of the source."""
        return self._source.holes()

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def segments(self) -> list[dict[str, Any]]:
        """For run.json: segments that were decoded to their end."""
        return list(self._segments)

    def _take(self, frame: Frame) -> None:
        number = frame.time // SEGMENT_S
        if number != self._number:
            self._end()
            self._begin(number, frame)
        self._frames += 1
        self._last = frame.time
        wide, high = frame.size
        self._hash.update(f"{frame.time} {wide}x{high}\n".encode())
        planes = frame.planes()
        for plane in (planes.luma, planes.u, planes.v):
            self._hash.update(np.ascontiguousarray(plane, plane.dtype.newbyteorder("<")).data)

    def _begin(self, number: int, frame: Frame) -> None:
        self._number = number
        self._hash = hashlib.sha256()
        self._first_index, self._first = frame.index, frame.time
        self._frames = 0

    def _end(self) -> None:
        if self._number is None:
            return
        self._segments.append(
            {
                "segment": self._number,
                "first_frame": self._first_index,
                "frames": self._frames,
                "from": time_text(self._first),
                "last": time_text(self._last),
                "sha256": self._hash.hexdigest(),
            }
        )
        self._number = None
