"""Two pictures in one, on their YUV planes: next to each other, or one on each side of a line.

Samples are copied bit by bit wherever both pictures have the same size and coding; what is coded
otherwise (depth, subsampling, matrix, range) is brought to the other's coding first.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.data.planes import Planes
from vidface.vision.paint import BLACK, Canvas, Rgb, Tile
from vidface.vision.warpframe import warp_planes
from vidface.vision.yuvcodes import spans_of, yuv_of_rgb, zeros_of

LINE: Final[Rgb] = (255, 255, 255)
_SAME_ASPECT: Final = 0.01
"""Pictures whose aspects differ by no more than this share are taken for the same picture, rounded."""


def matched(source: Planes, like: Planes) -> Planes:
    """The picture in the size, depth, subsampling, matrix and range of another; itself where it is already.

    Scaled bicubic, low-passed where it shrinks. A picture of another aspect is centred, with black beside it.
    """
    coded = _recoded(source, like)
    if coded.size == like.size and coded.u.shape == like.u.shape:
        return coded
    target = _blank(like)
    _spread(coded, target)
    return target


def fill(target: Planes, source: Planes) -> None:
    """Overwrite all of `target` with a picture, brought to its size and coding as `matched` does."""
    _spread(_recoded(source, target), target)


def _spread(coded: Planes, target: Planes) -> None:
    """Scale a picture of the target's coding into all of it."""
    (w, h), (wide, high) = coded.size, target.size
    across, down = wide / w, high / h
    if abs(across / down - 1) > max(_SAME_ASPECT, 1.5 / min(wide, high)):
        scale = min(across, down)
        shift = (wide - scale * w) / 2, (high - scale * h) / 2
        warp_planes(coded, target, [(scale, 0, shift[0]), (0, scale, shift[1])], fill="black")
    else:
        warp_planes(coded, target, [(across, 0, 0), (0, down, 0)], fill="replicate")


def beside_size(size: tuple[int, int], *, down: bool) -> tuple[int, int]:
    """Width and height of two pictures of `size` next to each other, or one below the other.

    The side that doubles is made even first: chroma of 4:2:0 and 4:2:2 then keeps its place.
    """
    width, height = size
    return (width, 2 * (height + height % 2)) if down else (2 * (width + width % 2), height)


def lay_beside(before: Planes, after: Planes, target: Planes, *, down: bool) -> None:
    """Fill `target` (of `beside_size`) with two pictures of one size; odd ones repeat their last line."""
    for have, other, want in zip(_all(before), _all(after), _all(target), strict=True):
        axis = 0 if down else 1
        middle = want.shape[axis] // 2
        first, second = np.split(want, [middle], axis=axis)
        for picture, half in ((have, first), (other, second)):
            short = half.shape[axis] - picture.shape[axis]
            pad = ((0, short), (0, 0)) if down else ((0, 0), (0, short))
            half[...] = np.pad(picture, pad, mode="edge") if short else picture


def lay_left(before: Planes, target: Planes, at: int) -> int:
    """Overwrite what lies left of a line with `before`, which has the target's size and coding.

    Args:
        at: columns of luma; brought to the chroma grid.

    Returns:
        Where the line is: `at` on the grid, 0 to the width.
    """
    width = target.size[0]
    step = target.subsampling[0]
    place = width if at >= width else max(at, 0) // step * step
    for have, want in zip(_all(before), _all(target), strict=True):
        share = place if want is target.luma else -(-place // step)
        want[:, :share] = have[:, :share]
    return place


def draw_line(target: Planes, at: int, reach: int) -> None:
    """An upright white line with dark edges over columns `at` - reach .. `at` + reach of the planes.

    Args:
        at: column on the chroma grid; no line is drawn at the ends, 0 and the width.
        reach: columns to each side, even.
    """
    width, height = target.size
    if not 0 < at < width:
        return
    canvas = Canvas(target)
    tile = canvas.tile(at - reach, 0, at + reach, height)
    if tile is not None:
        canvas.lay(tile, (_bar(tile, at, reach), BLACK), (_bar(tile, at, reach // 2), LINE))


def _bar(tile: Tile, at: int, reach: int) -> NDArray[np.uint8]:
    cover = tile.blank()
    cover[:, max(at - reach - tile.left, 0) : at + reach - tile.left] = 255
    return cover


def _all(planes: Planes) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    return planes.luma, planes.u, planes.v


def _blank(like: Planes) -> Planes:
    return replace(like, luma=np.empty_like(like.luma), u=np.empty_like(like.u), v=np.empty_like(like.v))


def _recoded(source: Planes, like: Planes) -> Planes:
    """The same samples in another depth, range and matrix."""
    if (source.bits, source.full_range, source.matrix) == (like.bits, like.full_range, like.matrix):
        return source
    turn = np.eye(3)
    if source.matrix != like.matrix:
        turn = yuv_of_rgb(like.matrix) @ np.linalg.inv(yuv_of_rgb(source.matrix))
        source = _full_chroma(source)
    parts = [
        (plane - float(zero)) / span
        for plane, zero, span in zip(_all(source), zeros_of(source), spans_of(source), strict=True)
    ]
    if source.matrix != like.matrix:
        parts = [sum(turn[i, k] * parts[k] for k in range(3)) for i in range(3)]
    dtype, top = like.luma.dtype, (1 << like.bits) - 1
    codes = [
        np.clip(np.rint(part * step + base), 0, top).astype(dtype)
        for part, base, step in zip(parts, zeros_of(like), spans_of(like), strict=True)
    ]
    return Planes(codes[0], codes[1], codes[2], like.bits, like.matrix, like.full_range)


def _full_chroma(planes: Planes) -> Planes:
    if planes.u.shape == planes.luma.shape:
        return planes
    blank = [np.empty_like(planes.luma) for _ in range(3)]
    full = replace(planes, luma=blank[0], u=blank[1], v=blank[2])
    warp_planes(planes, full, np.eye(3), fill="replicate")
    return full
