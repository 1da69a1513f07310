"""Changes of a face go back into the frame's own planes, inside a soft mask and nowhere else.

What is pasted is a difference. So a face that was not changed comes back bit by bit, whatever its size in
the frame, and nothing of the picture goes through RGB: the difference does, and its way to luma and chroma
is linear.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.data.planes import Planes
from vidface.vision.grain import Grain, fill
from vidface.vision.warpframe import as_3x3
from vidface.vision.yuvcodes import spans_of, yuv_of_rgb

Matrix = NDArray[np.float64]
Layer = NDArray[np.float32]

SHRINKS: Final = 1.05
"""A crop that shrinks by more than this is low-passed before it is sampled."""
_CALM: Final = 0.35
"""Sigma of that, in pixels of the coarser grid: passes as much as area averages do, which crops are made
with, so that what a change takes away it takes away in full."""


def paste_delta(
    planes: Planes,
    delta: Any,
    *,
    mask: Any,
    matrix: Any,
    gain: float = 1.0,
    grain: Grain | None = None,
) -> None:
    """Add gain x mask x delta to the planes, in place.

    The delta is sampled on the grid of each plane by itself (chroma where `vidface.vision.warpframe` puts
    it): bicubic where the frame is as fine as the crop or finer, low-passed first where it is coarser.
    Sums are rounded to the nearest code, halves to even. A sum never leaves the legal range of the depth
    (16..235 and 16..240 times a power of two, or the full range) by more than the sample did before.

    A sample whose centre lies where the mask is 0 (bilinear) or outside the crop stays as it is.

    Args:
        planes: writable.
        delta: h x w x 3 RGB float, in levels of 0..255.
        mask: h x w, 0 to 1, see `vidface.vision.facemask`.
        matrix: 2 x 3 from frame pixels to crop pixels, centres at (0.5, 0.5).
        gain: how much of the change, 0 to 1.
        grain: noise to put back where the change takes noise away; None for none.

    Raises:
        ValueError: shapes that do not fit, or a matrix without an inverse.
    """
    change, cover = checked(delta, mask)
    way = as_3x3(matrix)
    tile = tile_of(planes, cover, way, room=grain is not None)
    if tile is None or gain == 0:
        return
    sheets = cv2.split(cv2.transform(change, to_yuv(planes, gain)))
    for number, (plane, sheet) in enumerate(zip((planes.luma, planes.u, planes.v), sheets, strict=True)):
        region, to_piece = tile.piece(plane, planes.subsampling if number else (1, 1), way)
        size = (region.shape[1], region.shape[0])
        base, add = region.astype(np.float32), _sampled(sheet, to_piece, size, how=cv2.INTER_CUBIC)
        weight = _weight(cover, to_piece, size)
        shown = add * weight
        if grain is not None and not number:
            shown += fill(base, add, weight, grain=grain, step=1 << (planes.bits - 8))
        _add(region, base, shown, limits=limits(planes, chroma=number > 0))


def colour_matched(delta: Any, mask: Any, *, radius: float = 48.0) -> Layer:
    """A delta without what it changes over wide areas: casts of colour and brightness.

    Whatever made the face bad, blur, noise or coding, left its wide shades as they were, so a change of
    them is a fault of the restorer and would show at the mask's border. They are the mean of the delta in
    a Gaussian window, of what is inside the mask only (normalised convolution: H. Knutsson and C.-F.
    Westin, CVPR 1993), and are taken off.

    Args:
        delta: h x w x 3 float.
        mask: h x w, 0 to 1.
        radius: sigma of the window in pixels of the crop. Shades wider than about six times that go.

    Returns:
        h x w x 3 float32.

    Raises:
        ValueError: shapes that do not fit, or a radius of 0 or less.
    """
    if radius <= 0:
        raise ValueError(f"a colour match wants a radius above 0, but got {radius}")
    change, cover = checked(delta, mask)
    high, wide = cover.shape
    # A window this wide is as good on a coarse grid.
    step = max(1, int(radius / 6))
    size = max(1, wide // step), max(1, high // step)
    stack = np.dstack([change * cover[..., None], cover])
    small = cv2.resize(stack, size, interpolation=cv2.INTER_AREA)
    sigma = (radius * size[0] / wide, radius * size[1] / high)
    small = cv2.GaussianBlur(small, (0, 0), sigma[0], sigmaY=sigma[1], borderType=cv2.BORDER_CONSTANT)
    means = small[..., :3] / np.maximum(small[..., 3:], 1e-4)
    return np.asarray(change - cv2.resize(means, (wide, high), interpolation=cv2.INTER_CUBIC), np.float32)


def checked(delta: Any, mask: Any) -> tuple[Layer, Layer]:
    """Delta and mask as float32 of shapes that fit.

    Raises:
        ValueError: they do not.
    """
    change, cover = np.asarray(delta, np.float32), np.asarray(mask, np.float32)
    if change.ndim != 3 or change.shape[2] != 3 or cover.shape != change.shape[:2]:
        raise ValueError(
            f"wanted a delta of h x w x 3 and a mask of h x w, but got {change.shape} and {cover.shape}"
        )
    return change, cover


class _Tile(NamedTuple):
    """A part of the frame in whole pixels, beginning on the chroma grid."""

    left: int
    top: int
    right: int
    bottom: int

    def piece(self, plane: Any, step: tuple[int, int], way: Matrix) -> tuple[Any, Matrix]:
        """The tile's part of a plane, a view, and 3 x 3 from the crop's pixels to that part's."""
        left, top = self.left // step[0], self.top // step[1]
        right, bottom = -(-self.right // step[0]), -(-self.bottom // step[1])
        return plane[top:bottom, left:right], _grid(step, (left, top)) @ np.linalg.inv(way)


def tile_of(planes: Any, cover: Layer, way: Matrix, *, room: bool) -> _Tile | None:
    """Where the mask may touch the frame, with `room` to see the surroundings; None where nowhere."""
    rows, columns = np.flatnonzero(cover.any(axis=1)), np.flatnonzero(cover.any(axis=0))
    if not len(rows):
        return None
    # A pixel's mask reaches as far as its neighbours' centres.
    x1, x2, y1, y2 = columns[0] - 0.5, columns[-1] + 1.5, rows[0] - 0.5, rows[-1] + 1.5
    corners = np.array([(x1, y1, 1.0), (x2, y1, 1), (x1, y2, 1), (x2, y2, 1)])
    seen = (corners @ np.linalg.inv(way).T)[:, :2]
    low, high = seen.min(axis=0), seen.max(axis=0)
    if room:
        margin = np.clip(0.15 * (high - low), 6, 48)
        low, high = low - margin, high + margin
    wide, tall = planes.size
    left, top = (max(0, math.floor(v)) for v in low)
    right, bottom = min(wide, math.ceil(high[0])), min(tall, math.ceil(high[1]))
    sx, sy = planes.subsampling
    left, top = left // sx * sx, top // sy * sy
    return _Tile(left, top, right, bottom) if left < right and top < bottom else None


def _grid(step: tuple[int, int], start: tuple[int, int]) -> Matrix:
    """3 x 3 from frame pixels to a piece of a plane, where the first sample's centre is (0.5, 0.5)."""
    across, down = step
    site = np.array([(across, 0, 0.5), (0, down, down / 2), (0, 0, 1.0)])
    shift = np.array([(1, 0, 0.5 - start[0]), (0, 1, 0.5 - start[1]), (0, 0, 1.0)])
    return np.asarray(shift @ np.linalg.inv(site))


def _sampled(sheet: Any, to_piece: Matrix, size: tuple[int, int], *, how: int) -> Layer:
    """A sheet of the crop on a grid, low-passed where that is coarser; it goes on at its border."""
    sheet = calmed(sheet, abs(float(np.linalg.det(to_piece[:2, :2]))) ** -0.5)
    border: dict[str, Any] = {"flags": how, "borderMode": cv2.BORDER_REPLICATE}
    return np.asarray(cv2.warpAffine(sheet, numbers(to_piece), size, **border), np.float32)


def calmed(sheet: Any, shrink: float) -> Layer:
    """A sheet low-passed for a grid that is `shrink` times as coarse."""
    if shrink > SHRINKS:
        sigma = _CALM * math.sqrt(shrink**2 - 1)
        sheet = cv2.GaussianBlur(sheet, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(sheet, np.float32)


def _weight(cover: Layer, to_piece: Matrix, size: tuple[int, int]) -> Layer:
    """The mask on a grid; 0 wherever its bilinear sample is."""
    border: dict[str, Any] = {"flags": cv2.INTER_LINEAR, "borderMode": cv2.BORDER_CONSTANT}
    plain: Layer = np.asarray(cv2.warpAffine(cover, numbers(to_piece), size, **border), np.float32)
    if abs(np.linalg.det(to_piece[:2, :2])) > SHRINKS**-2:
        return plain
    soft = _sampled(cover, to_piece, size, how=cv2.INTER_LINEAR)
    return np.asarray(np.where(plain > 0, soft, np.float32(0)), np.float32)


def numbers(matrix: Matrix) -> Matrix:
    """A matrix between pixels, centres at (0.5, 0.5), for OpenCV, which has them at (0, 0)."""
    shift = matrix[:2, :2] @ (0.5, 0.5) - (0.5, 0.5)
    return np.column_stack([matrix[:2, :2], matrix[:2, 2] + shift])


def to_yuv(planes: Any, gain: float) -> NDArray[np.float64]:
    """3 x 3 from a difference in R'G'B' of 0..255 to differences of codes."""
    rows: NDArray[np.float64] = yuv_of_rgb(planes.matrix) * (np.array(spans_of(planes))[:, None] * gain / 255)
    return rows


def limits(planes: Any, *, chroma: bool) -> tuple[int, int]:
    """The legal codes of a plane, lowest and highest."""
    if planes.full_range:
        return 0, (1 << planes.bits) - 1
    step = 1 << (planes.bits - 8)
    return 16 * step, (240 if chroma else 235) * step


def _add(region: NDArray[Any], base: Layer, shown: Layer, *, limits: tuple[int, int]) -> None:
    low, high = limits
    total = np.rint(base + shown)
    np.clip(total, np.minimum(base, low), np.maximum(base, high), out=total)
    region[...] = total
