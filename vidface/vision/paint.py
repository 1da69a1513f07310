"""Soft-edged shapes painted straight onto YUV planes.

Nothing here goes through RGB: a shape is drawn as coverage (0..255) on a tile of the frame, and its
colour is turned into the planes' own code values, so that it looks the same in BT.601 and BT.709,
limited and full range, 8, 10 and 12 bits. Samples that no shape covers stay bit-identical.

Coordinates are pixels of the frame, the centre of the top-left pixel at (0.5, 0.5). A chroma sample
is covered as much as the luma samples that it stands for, on average.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.data.planes import Planes
from vidface.vision.yuvcodes import spans_of, yuv_of_rgb, zeros_of

Rgb = tuple[int, int, int]
Cover = NDArray[np.uint8]
"""h x w, 0 (not covered) to 255 (covered)."""

HALO: Final[Rgb] = (8, 8, 10)
BLACK: Final[Rgb] = (0, 0, 0)
_SHIFT: Final = 4
_ARC: Final = np.linspace(0, 2 * math.pi, 17)[:, None]
_QUARTERS: Final = [*range(5), *range(4, 9), *range(8, 13), *range(12, 17)]
_ROUND: Final = np.concatenate([-np.cos(_ARC), -np.sin(_ARC)], axis=1)[_QUARTERS]
_CORNERS: Final = [(0, 1)] * 5 + [(2, 1)] * 5 + [(2, 3)] * 5 + [(0, 3)] * 5
for _table in (_ARC, _ROUND):
    _table.setflags(write=False)


def ink_codes(planes: Planes, rgb: Rgb) -> tuple[float, float, float]:
    """Code values (luma, u, v) of an RGB colour (0..255) in the coding of `planes`, not rounded."""
    parts = (yuv_of_rgb(planes.matrix) @ np.array(rgb) / 255).tolist()
    top = (1 << planes.bits) - 1
    luma, blue, red = (
        min(zero + part * span, top)
        for zero, part, span in zip(zeros_of(planes), parts, spans_of(planes), strict=True)
    )
    return luma, blue, red


class Tile(NamedTuple):
    """A part of the frame on the chroma grid: left, top, right, bottom in whole pixels.

    The last column or row may lie outside a frame of odd size.
    """

    left: int
    top: int
    right: int
    bottom: int

    def blank(self) -> Cover:
        """Nothing covered."""
        return np.zeros((self.bottom - self.top, self.right - self.left), np.uint8)

    def knots(self, points: NDArray[Any]) -> NDArray[np.int32]:
        """n x 2 points of the frame as OpenCV counts: from the middle of the tile's first pixel, shifted."""
        moved = (points - (self.left + 0.5, self.top + 0.5)) * (1 << _SHIFT)
        return np.asarray(np.rint(moved), np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """Writable planes to paint on; they are changed in place."""

    planes: Planes
    _codes: dict[Rgb, tuple[float, float, float]] = field(default_factory=dict)

    def tile(self, x1: float, y1: float, x2: float, y2: float) -> Tile | None:
        """The smallest tile that holds x1..x2, y1..y2, cut off at the frame; None if nothing is left."""
        width, height = self.planes.size
        sx, sy = self.planes.subsampling
        left, top = max(math.floor(x1), 0) // sx * sx, max(math.floor(y1), 0) // sy * sy
        right, bottom = min(math.ceil(x2), width), min(math.ceil(y2), height)
        if right <= left or bottom <= top:
            return None
        return Tile(left, top, right + -right % sx, bottom + -bottom % sy)

    def lay(self, tile: Tile, *layers: tuple[Cover, Rgb]) -> None:
        """Lay covers of the tile's shape, each in its colour, onto the picture: the first one lowest."""
        codes = list(zip(*(self._code(rgb) for _, rgb in layers), strict=True))
        covers = [cover for cover, _ in layers]
        # An odd frame ends inside the tile.
        right, bottom = self.planes.size[0] - tile.left, self.planes.size[1] - tile.top
        _mix(
            self.planes.luma,
            (tile.left, tile.top),
            _Shares.of([c[:bottom, :right] for c in covers]),
            codes[0],
        )
        sx, sy = self.planes.subsampling
        if sx > 1 or sy > 1:
            size = (covers[0].shape[1] // sx, covers[0].shape[0] // sy)
            covers = [np.asarray(cv2.resize(c, size, interpolation=cv2.INTER_AREA), np.uint8) for c in covers]
        place, shares = (tile.left // sx, tile.top // sy), _Shares.of(covers)
        _mix(self.planes.u, place, shares, codes[1])
        _mix(self.planes.v, place, shares, codes[2])

    def _code(self, rgb: Rgb) -> tuple[float, float, float]:
        if rgb not in self._codes:
            self._codes[rgb] = ink_codes(self.planes, rgb)
        return self._codes[rgb]


class _Shares(NamedTuple):
    """Which samples of a tile are touched, and of each: how much stays, and how much is each colour's."""

    touched: NDArray[np.bool_]
    stays: NDArray[np.float32]
    colours: list[NDArray[np.float32]]

    @classmethod
    def of(cls, covers: Sequence[Cover]) -> _Shares:
        touched = covers[0] > 0
        for cover in covers[1:]:
            touched |= cover > 0
        stays = np.ones(np.count_nonzero(touched), np.float32)
        colours: list[NDArray[np.float32]] = []
        for cover in reversed(covers):
            colours.insert(0, cover[touched] * (stays * np.float32(1 / 255)))
            stays -= colours[0]
        return cls(touched, stays, colours)


def _mix(plane: NDArray[Any], place: tuple[int, int], shares: _Shares, codes: Sequence[float]) -> None:
    left, top = place
    height, width = shares.touched.shape
    region = plane[top : top + height, left : left + width]
    mixed = region[shares.touched] * shares.stays
    for share, code in zip(shares.colours, codes, strict=True):
        mixed += share * np.float32(code)
    mixed += np.float32(0.5)
    region[shares.touched] = mixed


class Pen(NamedTuple):
    """How lines and dots look: whole pixels wide, a soft dark halo sets them off from any ground."""

    colour: Rgb
    width: int
    halo: int
    opacity: float = 1.0

    @property
    def reach(self) -> int:
        """Pixels to each side of a line's middle that may change; OpenCV draws up to two more than asked."""
        return math.ceil(self.width / 2) + self.halo + 2

    @property
    def coats(self) -> tuple[tuple[int, int], ...]:
        """(extra width to each side, cover) of the halo's coats, widest first."""
        full = self.opacity * 255
        if self.halo == 1:
            return ((1, round(0.45 * full)),)
        return ((self.halo, round(0.22 * full)), ((self.halo + 1) // 2, round(0.5 * full)))

    def stroke(self, core: Cover, halo: Cover, lines: Sequence[NDArray[np.int32]], *, closed: bool) -> None:
        """Draw lines (each n x 2 knots of the tile) into the covers of a tile."""
        for extra, value in self.coats:
            cv2.polylines(halo, lines, closed, (value,), self.width + 2 * extra, cv2.LINE_AA, _SHIFT)
        value = round(255 * self.opacity)
        cv2.polylines(core, lines, closed, (value,), self.width, cv2.LINE_AA, _SHIFT)

    def dot(self, core: Cover, halo: Cover, knot: tuple[int, int], *, radius: float) -> None:
        """Draw a filled disc of `radius` pixels around a knot of the tile."""
        for extra, value in self.coats:
            size = round((radius + extra) * (1 << _SHIFT))
            cv2.circle(halo, knot, size, (value,), -1, cv2.LINE_AA, _SHIFT)
        size = round(radius * (1 << _SHIFT))
        cv2.circle(core, knot, size, (round(255 * self.opacity),), -1, cv2.LINE_AA, _SHIFT)


def rounded_box(box: Sequence[float], radius: float) -> NDArray[np.float64]:
    """The corners of a box x1 y1 x2 y2 with rounded corners as a closed line: 20 x 2 points, clockwise."""
    x1, y1, x2, y2 = box
    radius = max(0.0, min(radius, (x2 - x1) / 2, (y2 - y1) / 2))
    middles = np.array([x1 + radius, y1 + radius, x2 - radius, y2 - radius])
    ring: NDArray[np.float64] = middles[_CORNERS] + radius * _ROUND
    return ring


def dashes(ring: NDArray[np.float64], dash: float) -> list[NDArray[np.float64]]:
    """Cut a closed line (n x 2 points) into dashes of about `dash` pixels with holes of the same length."""
    loop = np.concatenate([ring, ring[:1]])
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(loop, axis=0).T))])
    count = max(2, round(along[-1] / (2 * dash)))
    period = along[-1] / count
    places = (np.arange(count)[:, None] + np.linspace(-0.25, 0.25, 9)) * period % along[-1]
    return list(np.stack([np.interp(places, along, loop[:, 0]), np.interp(places, along, loop[:, 1])], -1))


def draw_trail(
    core: Cover, halo: Cover, knots: NDArray[np.int32], *, strengths: NDArray[Any], pen: Pen
) -> None:
    """A line through n x 2 knots whose part i (from knot i to i + 1) has opacity strengths[i], 0 to 1.

    Drawn into the covers of a tile, oldest part first.
    """
    width = max(2, pen.width)
    for i in range(0, len(strengths), 4):
        value = (round(90 * float(strengths[i : i + 4].mean())),)
        cv2.polylines(halo, [knots[i : i + 5]], False, value, width + 2, cv2.LINE_AA, _SHIFT)
    for i, strength in enumerate(strengths.tolist()):
        value = (round(255 * strength),)
        cv2.polylines(core, [knots[i : i + 2]], False, value, width, cv2.LINE_AA, _SHIFT)


def tag(canvas: Canvas, place: tuple[int, int, int, int], text: Cover, *, pad: int, colour: Rgb) -> None:
    """A filled rounded box x1 y1 x2 y2 (inside the frame) with black text `pad` pixels from its left side."""
    x1, y1, x2, y2 = place
    tile = canvas.tile(*place)
    if tile is None:
        return
    cover = Tile(*place).blank()
    ring = rounded_box((x1 + 0.5, y1 + 0.5, x2 - 0.5, y2 - 0.5), pad)
    cv2.fillPoly(cover, [Tile(*place).knots(ring)], (255,), cv2.LINE_AA, _SHIFT)
    ground, ink = tile.blank(), tile.blank()
    left, top = x1 - tile.left, y1 - tile.top
    ground[top : top + cover.shape[0], left : left + cover.shape[1]] = cover
    left, top = left + pad, top + (cover.shape[0] - text.shape[0]) // 2
    ink[top : top + text.shape[0], left : left + text.shape[1]] = text
    canvas.lay(tile, (ground, colour), (ink, BLACK))
