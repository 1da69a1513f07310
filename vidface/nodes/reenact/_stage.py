"""Where a portrait is drawn: the full source picture, or the square around the head alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.data import Frame, Planes
from vidface.data.frame import Pixels
from vidface.nodes.reenact._canvas import canvas
from vidface.nodes.reenact._source import Still
from vidface.vision.facecrop import scale_of
from vidface.vision.headsquare import square_around
from vidface.vision.meshmodel import MeshModel
from vidface.vision.portrait import Drawn, Look, PortraitSource, inner_bounds, look_of
from vidface.vision.rgbplanes import fill_planes

Picture = NDArray[np.uint8]

_LARGEST: Final = 1024
"""Longest side of the square that is drawn, pixels; a picture whose head is larger is shrunk."""
_LEAST: Final = 64
"""Shortest side of it; around a smaller head it shows more of what is around."""


class Stage(NamedTuple):
    """A source made ready.

    Attributes:
        source: the looks, in the square.
        still: h x w x 3 uint8 RGB, even sides: what is shown where nothing moves.
        left, top: where the square lies in it (may be outside).
        coded: a picture in the colour of the source.
    """

    source: PortraitSource
    still: Picture
    left: int
    top: int
    coded: Pixels

    def show(self, frame: Frame, drawn: Drawn | None) -> Frame:
        """The picture at the frame's place in time, in the colour of its stream, or its own; see `canvas`."""
        high, wide = self.still.shape[:2]

        def paint(planes: Planes) -> None:
            fill_planes(planes, self.stitched(drawn))

        return canvas(frame, self.coded, (wide, high), paint)

    def stitched(self, drawn: Drawn | None) -> Picture:
        """The still with the square over it, soft at its border."""
        if drawn is None:
            return self.still
        high, wide = self.still.shape[:2]
        side = drawn.picture.shape[0]
        if (self.left, self.top, side) == (0, 0, wide) and wide == high:
            return drawn.picture
        x1, y1 = max(0, self.left), max(0, self.top)
        x2, y2 = min(wide, self.left + side), min(high, self.top + side)
        piece = np.s_[y1 - self.top : y2 - self.top, x1 - self.left : x2 - self.left]
        whole = self.still.copy()
        under = whole[y1:y2, x1:x2].astype(np.float32)
        over = under + (drawn.picture[piece] - under) * self._cover(drawn)[piece][..., None]
        whole[y1:y2, x1:x2] = (over + 0.5).astype(np.uint8)
        return whole

    def _cover(self, drawn: Drawn) -> Any:
        """The soft border, but where the picture's own edge cuts the square."""
        high, wide = self.still.shape[:2]
        side = drawn.picture.shape[0]
        row, column = drawn.alpha[side // 2].copy(), drawn.alpha[:, side // 2].copy()
        if self.left <= 0:
            row[: side // 2] = 1
        if self.left + side >= wide:
            row[side // 2 :] = 1
        if self.top <= 0:
            column[: side // 2] = 1
        if self.top + side >= high:
            column[side // 2 :] = 1
        return np.minimum(column[:, None], row[None])


def stage_of(stills: Sequence[Still], model: MeshModel, *, crop: int | None, longest: int) -> Stage:
    """A stage from source pictures, the first of which is shown.

    Args:
        crop: side in pixels of the square where it alone is shown; None for the whole picture.
        longest: longer side in pixels of the whole picture at most.
    """
    first = stills[0]
    if crop is not None:
        looks = [look_of(one.pixels, one.mesh, square_around(one.mesh, crop), crop) for one in stills]
        return Stage(PortraitSource(looks, model), looks[0].picture, 0, 0, first.coded)
    high, wide = first.pixels.shape[:2]
    native = 1 / scale_of(square_around(first.mesh, 1))
    scale = min(1.0, longest / max(high, wide), _LARGEST / native)
    size = max(2, round(wide * scale) // 2 * 2), max(2, round(high * scale) // 2 * 2)
    still, grow = first.pixels[: size[1], : size[0]], np.ones(3)
    if scale < 1:
        still = np.asarray(cv2.resize(first.pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
        grow = np.array([size[0] / wide, size[1] / high, scale])
    mesh = first.mesh * grow
    square = square_around(mesh, 1)
    native = 1 / scale_of(square)
    head, side = round(native), max(_LEAST, round(native))
    left, top = np.round((0.5 - square[:, 2]) * native - side / 2).astype(int).tolist()
    bounds = inner_bounds(-left, -top, size, side)
    own = Look(_cut(still, left, top, side), (mesh - (left, top, 0)).astype(np.float32), bounds)
    others = [look_of(one.pixels, one.mesh, _in_middle(one.mesh, head, side), side) for one in stills[1:]]
    source = PortraitSource([own, *others], model)
    return Stage(source, np.ascontiguousarray(still), left, top, first.coded)


def _in_middle(mesh: Any, head: int, side: int) -> NDArray[np.float64]:
    """2 x 3 to a square of `side` pixels in whose middle the one around the head has `head`."""
    square = square_around(mesh, head)
    square[:, 2] += (side - head) / 2
    return square


def _cut(still: Picture, left: int, top: int, side: int) -> Picture:
    """A square of the picture, whose edge goes on beyond it."""
    high, wide = still.shape[:2]
    x, y = (
        np.clip(np.arange(left, left + side), 0, wide - 1),
        np.clip(np.arange(top, top + side), 0, high - 1),
    )
    return np.asarray(still[y[:, None], x[None]], np.uint8)
