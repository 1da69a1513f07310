"""A second opinion on decoding: decord, where it is installed.

Choose it only to compare. Measured against the containers' own times, decord 0.6.0 (its last
release, 2021):

- tells times from zero, so a start offset is lost, and counts edit lists wrong (1.5 s on one clip);
- gives frames as 8-bit RGB by BT.601 or what its old FFmpeg makes of the tags, with no way to say so;
- rounds times to float; they are put on the stream's own clock here, to the nearest unit;
- says nothing of damaged packets: holes are known only against the container's promise;
- brings libraries of its own into the process: writing VP9 fails beside it (two libvpx, one name);
- decodes on the CPU only, and knows no codec newer than its FFmpeg (no AV1).
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from vidface.data.frame import Frame
from vidface.data.source import Hole, SourceInfo
from vidface.errors import InputError, UsageError
from vidface.media.cut import Cut
from vidface.media.losses import ENDS_EARLY
from vidface.media.pixels import frame_from_rgb
from vidface.media.probe import probe


class DecordSource:
    """A `vidface.data.source.Source` read by decord.

    Raises:
        UsageError: decord is not installed.
        InputError: the input cannot be read.
    """

    def __init__(self, path: str | Path, *, cut: Cut | None = None, threads: int = 0) -> None:
        try:
            library: Any = importlib.import_module("decord")
        except ImportError as error:
            raise UsageError(
                "--decoder decord wants a package that is not installed: pip install 'vidface[decord]'."
            ) from error
        self._info = replace(probe(path), decoder="decord")
        self._info.extra["decoder"] = (
            f"decord {getattr(library, '__version__', '?')}: times from zero, 8-bit RGB"
        )
        self._cut = cut or Cut()
        self._holes: list[Hole] = []
        try:
            self._reader: Any = library.VideoReader(str(path), ctx=library.cpu(0), num_threads=threads)
        except (RuntimeError, OSError, library.DECORDError) as error:
            reason = str(error).splitlines()[-1]
            raise InputError(
                f"{self._info.name}: decord cannot open it ({reason}); use --decoder pyav."
            ) from error

    @property
    def info(self) -> SourceInfo:
        """As PyAV reads the headers; `decoder` says who decodes."""
        return self._info

    def frames(self) -> Iterator[Frame]:
        """Every frame of the part, indices 0, 1, 2 ..., at decord's times."""
        base = self._info.time_base
        index, total = 0, len(self._reader)
        for place in range(total):
            if self._reader is None:
                return
            begin, end = (float(v) for v in np.ravel(self._reader.get_frame_timestamp(place))[:2])
            time = round(begin / base) * base
            if self._cut.behind(time):
                return
            if self._cut.before(time):
                continue
            rgb = np.asarray(self._reader[place].asnumpy(), np.uint8)
            frame = frame_from_rgb(rgb, index)
            yield replace(
                frame, pts=round(begin / base), time_base=base, duration=max(0, round((end - begin) / base))
            )
            index += 1
        missing = (self._info.frames or total) - total
        if missing > 0:
            self._holes.append(Hole(ENDS_EARLY, missing, index - 1, Fraction(time) if total else None))

    def holes(self) -> tuple[Hole, ...]:
        """What is missing against the container's promise; decord tells no more."""
        return tuple(self._holes)

    def close(self) -> None:
        """Give back the file; safe to call twice."""
        self._reader = None
