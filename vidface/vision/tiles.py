"""Tiles: looking at a large picture in pieces, so that small faces come large enough to the detector.

A plan is a list of passes. The first one sees the whole picture, shrunk to the width that the
detector is given; each further one sees it at a larger scale, in overlapping tiles. The overlap is
wider than the tallest face that only this pass can find, so every such face lies whole in some tile.
"""

from __future__ import annotations

import math
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vidface.vision.boxes import areas, iou_matrix, nms
from vidface.vision.detection import Found

SMALLEST_FACE_PX: Final = 12.0
"""Height in pixels of the detector's input from which on it finds nearly all faces (teacher: 94 %)."""
LARGEST_GROWTH: Final = 2.0
"""More than this and a picture gains blur, not faces."""
AUTO_FACE_PX: Final = 16.0
"""What `auto` looks for where the user names no smallest face."""
_BORDER_PX: Final = 2.0
_MARGIN_PX: Final = 8
_SLACK: Final = 1.25
_ROUNDING: Final = 1.05
"""Whole pixels make the scale of a small picture differ a little from one axis to the other."""

Tiling = Literal["off", "auto"] | int


class Pass(NamedTuple):
    """One look at the picture.

    Attributes:
        width, height: pixels to which the whole picture is scaled.
        tile: longest side of a tile in those pixels; 0 where the picture is taken whole.
        tallest: height in those pixels of the tallest face that is sure to lie whole in a tile.
    """

    width: int
    height: int
    tile: int = 0
    tallest: float = math.inf

    def tiles(self) -> list[Tile]:
        """The pieces, row by row; together they cover the picture."""
        if not self.tile:
            return [Tile(0, 0, self.width, self.height)]
        overlap = _overlap(self.tallest)
        rows = spread(self.height, self.tile, overlap)
        columns = spread(self.width, self.tile, overlap)
        return [Tile(x, y, width, height) for y, height in rows for x, width in columns]


class Tile(NamedTuple):
    """A piece of a picture: left, top, width and height in pixels."""

    x: int
    y: int
    width: int
    height: int


def plan(
    size: tuple[int, int], *, width: int, min_face_px: float = 0.0, tiling: Tiling = "off"
) -> list[Pass]:
    """How to look at a picture.

    The whole picture is scaled so that its longer side has `width` pixels, at most
    `LARGEST_GROWTH` times its size. `auto` adds tiles at the scale where a face of `min_face_px`
    is `SMALLEST_FACE_PX` tall, if that is more than the first pass gives; a number n adds n tiles
    along the longer side.

    Args:
        size: width and height of the picture in pixels.
        width: longest side that the detector is given.
        min_face_px: smallest face wanted, pixels of the picture; 0 means `AUTO_FACE_PX`.
        tiling: "off", "auto" or 2 and more.

    Returns:
        Passes from coarse to fine.

    Raises:
        ValueError: `width` is below 64.
    """
    if width < 64:
        raise ValueError(f"a detector needs pictures of 64 pixels or more, but width is {width}")
    longer = max(size)
    coarse = min(width / longer, LARGEST_GROWTH)
    passes = [_whole(size, coarse)]
    if tiling == "off":
        return passes
    if tiling == "auto":
        fine = SMALLEST_FACE_PX / (min_face_px or AUTO_FACE_PX)
    else:
        fine = _side_of(tiling, width) / longer
    fine = min(fine, LARGEST_GROWTH)
    if fine <= coarse * 1.1:
        return passes
    steps = math.ceil(math.log(fine / coarse) / math.log(_largest_step(width)) - 1e-9)
    for step in range(1, steps + 1):
        scale = coarse * (fine / coarse) ** (step / steps)
        whole = _whole(size, scale)
        tallest = SMALLEST_FACE_PX * (fine / coarse) ** (1 / steps) * _ROUNDING
        passes.append(Pass(whole.width, whole.height, tile=width, tallest=tallest))
    return passes


def spread(length: int, tile: int, overlap: int) -> list[tuple[int, int]]:
    """Cover `length` pixels with equal pieces of at most `tile`, neighbours sharing `overlap` or more.

    Returns:
        Start and length of each piece; one piece where the length fits, else lengths are
        multiples of 32 where `tile` is.

    Raises:
        ValueError: the overlap is not smaller than the tile.
    """
    if overlap >= tile:
        raise ValueError(f"tiles of {tile} pixels cannot overlap by {overlap}")
    if length <= tile:
        return [(0, length)]
    count = math.ceil((length - overlap) / (tile - overlap))
    piece = min(tile, -(-math.ceil((length + (count - 1) * overlap) / count) // 32) * 32)
    return [(round(i * (length - piece) / (count - 1)), piece) for i in range(count)]


def cut_off(found: Found, tile: Tile, whole: Pass) -> NDArray[np.bool_]:
    """Which detections of a tile may be parts of a face, n bool.

    Those that reach an inner border of the tile (not one of the picture), and those too tall to be
    sure to lie whole in any tile.

    Args:
        found: in pixels of the tile.
        tile: where it lies.
        whole: the pass that it belongs to.
    """
    x1, y1, x2, y2 = found.boxes.T
    cut = y2 - y1 > whole.tallest
    cut |= (tile.x > 0) & (x1 < _BORDER_PX)
    cut |= (tile.y > 0) & (y1 < _BORDER_PX)
    cut |= (tile.x + tile.width < whole.width) & (x2 > tile.width - _BORDER_PX)
    cut |= (tile.y + tile.height < whole.height) & (y2 > tile.height - _BORDER_PX)
    return np.asarray(cut, bool)


def merge(found: Found, cut: NDArray[np.bool_], max_iou: float) -> Found:
    """Suppress what is seen twice: whole faces first, then what may be parts of faces, each best score first.

    A row goes where it overlaps one that is kept as two sightings of one face do, and a cut one also where
    more than half of it lies in one that is kept; so the uncut box wins whatever the scores say, and a large
    face (cut for its height alone) stands beside a small one, or a false alarm, within it.

    Args:
        found: detections of all tiles and passes, in pixels of the picture.
        cut: n bool, see `cut_off`.
        max_iou: overlap above which one of two boxes goes.

    Returns:
        What is left, best score first.
    """
    whole, parts = np.flatnonzero(~cut), np.flatnonzero(cut)
    kept = list(whole[nms(found.boxes[whole], found.scores[whole], max_iou)])
    for row in parts[np.argsort(-found.scores[parts], kind="stable")]:
        box, others = found.boxes[row], found.boxes[kept]
        overlap = iou_matrix(box[None], others)[0]
        if not (overlap > max_iou).any() and not (_inside(box, others) > 0.5).any():
            kept.append(row)
    rows = np.asarray(kept, np.int64)
    left = np.concatenate([rows[~cut[rows]], _largest_parts(found.boxes, rows[cut[rows]])])
    # Equal scores keep the order in which they were kept.
    rows = rows[np.isin(rows, left)]
    return found.pick(rows[np.argsort(-found.scores[rows], kind="stable")])


def _largest_parts(boxes: NDArray[np.float32], parts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The parts without those that lie mostly in a larger one, which may have had the lower score."""
    kept: list[int] = []
    for row in parts[np.argsort(-areas(boxes[parts]), kind="stable")]:
        if not (_inside(boxes[row], boxes[kept]) > 0.5).any():
            kept.append(row)
    return np.asarray(kept, np.int64)


def _inside(box: NDArray[np.float32], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much of a box lies in each of n others: n in [0, 1]."""
    low = np.maximum(box[:2], boxes[:, :2])
    high = np.minimum(box[2:], boxes[:, 2:])
    shared = np.maximum(high - low, 0).prod(1)
    share: NDArray[np.float32] = (shared / np.maximum(areas(box[None]), 1e-9)).astype(np.float32)
    return share


def _whole(size: tuple[int, int], scale: float) -> Pass:
    """The picture scaled in proportion; a very narrow one keeps a pixel and the length that fits."""
    width = max(1, math.floor(size[0] * scale + 1e-6))
    height = min(round(size[1] * width / size[0]), math.ceil(size[1] * scale - 1e-6))
    return Pass(width, max(1, height))


def _overlap(tallest: float) -> int:
    """Room for the tallest face, somewhat wider than tall, clear of both borders."""
    return math.ceil(tallest * _SLACK) + _MARGIN_PX


def _largest_step(tile: int) -> float:
    """Ratio between the scales of two passes beyond which overlaps would take half of each tile."""
    return (tile / 2 - _MARGIN_PX - 1) / (SMALLEST_FACE_PX * _SLACK * _ROUNDING)


def _side_of(count: int, tile: int) -> float:
    """Length that `count` tiles cover when they overlap as much as their own scale asks for."""
    slack = SMALLEST_FACE_PX * _SLACK * _ROUNDING
    return (count * tile - (count - 1) * (_MARGIN_PX + 1)) / (1 + (count - 1) * slack / tile)
