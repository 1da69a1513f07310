"""Pictures: a folder of them is a clip, one of them is a clip of one frame."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from math import ceil
from pathlib import Path

from vidface.data.digest import visible
from vidface.data.frame import Frame
from vidface.data.planes import Matrix
from vidface.data.source import Hole, SourceInfo
from vidface.errors import InputError, UsageError
from vidface.media.colour import colour_of, matrix_by_name
from vidface.media.cut import Cut
from vidface.media.onepicture import read_picture
from vidface.media.opening import open_input
from vidface.media.orient import UPRIGHT, Turn
from vidface.media.pixels import AvPixels
from vidface.media.probe import FALLBACK_RATE, probe

_PNG = b"\x89PNG\r\n\x1a\n"
_CHECKSUM = 4  # bytes behind a chunk
IN_PART = "is cut off or damaged; it is shown as far as it can be read"
"""Said of a picture behind its name, in a hole of no frames."""
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})


def is_picture(path: Path) -> bool:
    """By its name, the file is a still picture."""
    return path.suffix.lower() in SUFFIXES


def is_still(path: Path) -> bool:
    """It is a picture by its name, and no PNG that moves: that is a clip."""
    return is_picture(path) and not moves(path)


def moves(path: Path) -> bool:
    """The file is a PNG of several pictures (acTL stands before the first of them)."""
    if path.suffix.lower() != ".png" or not path.is_file():
        return False
    try:
        with path.open("rb") as handle:
            if handle.read(8) != _PNG:
                return False
            while len(head := handle.read(8)) == 8 and head[4:] != b"IDAT":
                if head[4:] == b"acTL":
                    return int.from_bytes(handle.read(4)) > 1
                handle.seek(int.from_bytes(head[:4]) + _CHECKSUM, os.SEEK_CUR)
    except OSError:  # whoever opens it says why
        return False
    return False


def natural_key(name: str) -> list[tuple[int, str]]:
    """Sort key that puts frame2 before frame10."""
    return [(int(part), "") if part.isdecimal() else (-1, part.lower()) for part in re.split(r"(\d+)", name)]


class ImageSource:
    """A `vidface.data.source.Source` over a folder of pictures, or one picture.

    Pictures come in natural order of their names, hidden ones left out as from the input's hashes, one
    every 1/rate s; each keeps its own size. One that cannot be read is a hole that keeps its place in
    time; one of which a part can be read is shown, and told as a hole of no frames. EXIF orientation is
    honoured. One picture alone is shown for `lasts` seconds, where that is given.

    Raises:
        InputError: no picture there, or none that can be read.
        UsageError: the rate is not above 0, an unknown colour matrix or an empty part.
    """

    def __init__(
        self,
        path: Path,
        *,
        cut: Cut | None = None,
        rate: Fraction | None = None,
        colorspace: str | None = None,
        lasts: Fraction | None = None,
        turned: Turn = UPRIGHT,
    ) -> None:
        self._beyond = turned
        self._rate = FALLBACK_RATE if rate is None else Fraction(str(rate))
        if self._rate <= 0:
            raise UsageError(f"a rate of pictures must be above 0, but is {rate}.")
        self._cut = cut or Cut()
        self._override: Matrix | None = matrix_by_name(colorspace) if colorspace else None
        self._paths = _pictures(path)
        if lasts is not None and not path.is_dir():
            self._paths *= max(1, ceil(lasts * self._rate))
        self._shown: tuple[Path, AvPixels] | None = None
        self._holes: list[Hole] = []
        self._moving: set[Path] = set()
        self._cut_off: set[Path] = set()
        self._closed = False
        self._info = self._first_info(path, colorspace)

    @property
    def info(self) -> SourceInfo:
        """Size and format of the first picture that can be read; `extra` tells of animations once read."""
        return self._info

    def frames(self) -> Iterator[Frame]:
        """Every picture of the part, indices 0, 1, 2 ..."""
        index = 0
        for place, path in enumerate(self._paths):
            time = place / self._rate
            if self._closed or self._cut.behind(time):
                return
            if self._cut.before(time):
                continue
            pixels = self._pixels(path)
            if isinstance(pixels, str):
                self._holes.append(Hole(f"{path.name} {pixels}", 1, index - 1, time))
                continue
            if path in self._cut_off:
                self._cut_off.remove(path)  # told once, however long it is shown
                self._holes.append(Hole(f"{path.name} {IN_PART}", 0, index - 1, time))
            yield self._frame(index, place, pixels)
            index += 1

    def holes(self) -> tuple[Hole, ...]:
        """Pictures that could not be read so far, or only in part."""
        return tuple(self._holes)

    def close(self) -> None:
        """Stop; no file stays open between two frames."""
        self._closed = True

    def _pixels(self, path: Path) -> AvPixels | str:
        """The picture, or why there is none; one that is shown again is not read again."""
        if self._shown is not None and self._shown[0] == path:
            return self._shown[1]
        read = read_picture(path)
        if isinstance(read, str):
            return read
        colour = colour_of(read.frame, override=self._override, still=True)
        pixels = AvPixels(read.frame, colour=colour, turn=read.turn.then(self._beyond))
        if not read.whole:
            self._cut_off.add(path)
        self._shown = path, pixels
        if moves(path):
            self._moving.add(path)
            self._info.extra["animations"] = f"{len(self._moving)}: of each the first picture alone is read"
        return pixels

    def _frame(self, index: int, place: int, pixels: AvPixels) -> Frame:
        step = self._rate.denominator
        return Frame(
            index=index,
            pts=place * step,
            time_base=Fraction(1, self._rate.numerator),
            pixels=pixels,
            duration=step,
        )

    def _first_info(self, path: Path, colorspace: str | None) -> SourceInfo:
        told = ""
        for candidate in self._paths:
            read = read_picture(candidate)
            if isinstance(read, str):
                told = told or f"; the first {read}"
                continue
            turn = read.turn.then(self._beyond)
            width, height = turn.size(read.frame.width, read.frame.height)
            return replace(
                probe(candidate, colorspace=colorspace),
                name=str(path),
                container="images",
                width=width,
                height=height,
                rotation=turn.rotation,
                time_base=Fraction(1, self._rate.numerator),
                rate=self._rate,
                duration=len(self._paths) / self._rate,
                start=Fraction(0),
                frames=len(self._paths),
            )
        raise InputError(f"{path}: none of its {len(self._paths)} pictures can be read{told}.")


def _pictures(path: Path) -> list[Path]:
    if not path.is_dir():
        open_input(path).close()  # says what is wrong with it
        return [path]
    try:
        entries = list(path.iterdir())
    except PermissionError as error:
        raise InputError(f"{path}: may not be read by this user; check its permissions.") from error
    found = [entry for entry in visible(entries) if is_picture(entry) and entry.is_file()]
    if not found:
        wanted = ", ".join(sorted(SUFFIXES))
        raise InputError(
            f"{path}: wanted a folder of pictures ({wanted}), but found {len(entries)} other files."
        )
    return sorted(found, key=lambda entry: (natural_key(entry.name), entry.name))
