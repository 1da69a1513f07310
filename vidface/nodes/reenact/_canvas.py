"""What a picture that is made anew of a still is coded in: as the stream is, or as the still itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from vidface.data import Frame, Planes
from vidface.data.frame import Pixels
from vidface.data.planes import Matrix

_WIDE: Final[Matrix] = "bt2020"
"""Streams of this matrix have other primaries than stills, and those of HDR another transfer."""


def canvas(frame: Frame, still: Pixels, size: tuple[int, int], paint: Callable[[Planes], None]) -> Frame:
    """A picture at the frame's place in time, coded as its stream is; as the still where that is BT.2020.

    Matrix and range are brought to the stream's by who paints, primaries and transfer are not: a still in a
    stream of HDR would be shown in wrong colours.

    Args:
        still: any picture that is coded as the still is.
        size: width and height. paint: fills all planes.
    """
    if frame.planes().matrix != _WIDE:
        return frame.remade(size, paint)
    return frame.with_pixels(still.remade(size, paint))


def coded_as(still: Frame) -> Pixels:
    """A tiny grey picture that is coded as the still is, so that its colour is kept without its memory."""
    return still.remade((2, 2), _grey).pixels


def _grey(planes: Planes) -> None:
    for plane in (planes.luma, planes.u, planes.v):
        plane[...] = 1 << (planes.bits - 1)
