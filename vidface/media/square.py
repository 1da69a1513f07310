"""SquareSource: a file whose pixels are not square, as if they were."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from av.video.reformatter import Interpolation, VideoReformatter

from vidface.data.frame import Frame
from vidface.data.source import Hole, Source, SourceInfo
from vidface.media.pixels import AvPixels

_ASPECT = "sample_aspect_ratio"


def squared(source: Source) -> Source:
    """The source with square pixels, itself where they are square already.

    The side along which pixels are long is enlarged (bicubic), so nothing that was stored is thrown away:
    720 x 576 of 16:15 becomes 768 x 576, 720 x 480 of 8:9 becomes 720 x 540. Sides are even, as encoders
    want them, so pixels are square to within a pixel of the side.
    `info.extra["made_square"]` says what the ratio was.
    """
    return SquareSource(source) if _ASPECT in source.info.extra else source


class SquareSource:
    """A `vidface.data.source.Source` over another one, whose pictures it stretches until pixels are square.

    Times, indices, turns, colours and holes are the other's.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        own = source.info
        stated = own.extra.pop(_ASPECT)  # taken off, so that no output states it of square pixels again
        own.extra["made_square"] = f"pixels were {stated} (wide to high), {own.width} x {own.height}"
        width, height = _size(own, stated)
        # `extra` stays one dict: the source goes on writing notes into it.
        self._info = replace(own, width=width, height=height)

    @property
    def info(self) -> SourceInfo:
        """The source's, at the size that pictures have here."""
        return self._info

    def frames(self) -> Iterator[Frame]:
        """The source's frames; may be called once."""
        for frame in self._source.frames():
            yield replace(frame, pixels=self._stretched(AvPixels.of(frame)))

    def holes(self) -> tuple[Hole, ...]:
        """What is missing; complete once `frames` is exhausted."""
        return self._source.holes()

    def close(self) -> None:
        """Give back the file; safe to call twice and after a failure."""
        self._source.close()

    def _stretched(self, pixels: AvPixels) -> AvPixels:
        frame, colour = pixels.upright()
        size = (self._info.width, self._info.height)
        scaled = VideoReformatter().reformat(frame, *size, interpolation=Interpolation.BICUBIC, threads=1)
        return AvPixels(scaled, colour=colour)


def _size(info: SourceInfo, stated: object) -> tuple[int, int]:
    """Width and height, upright, of the picture with square pixels."""
    across, down = (int(part) for part in str(stated).split(":"))
    ratio = Fraction(down, across) if info.rotation in (90, 270) else Fraction(across, down)
    if ratio > 1:
        return _even(info.width * ratio), info.height
    return info.width, _even(info.height / ratio)


def _even(side: Fraction) -> int:
    return max(2, 2 * round(side / 2))
