"""Veils: a part of the picture is replaced so that nothing of what was there can be got back.

What is laid over a face depends on its pixels through a few means alone, so many cells across the face
whatever its size: a blur of a fixed width leaves a large face readable, and a Gaussian can be undone as far
as noise allows, which is why the blur here is a smooth surface through the same few means. Values go straight
into the YUV planes; samples that the shape does not cover stay bit-identical.

Over many frames, a moving face is averaged in ever other places, and who has all frames may win back more
than one frame gives away (super-resolution). Where that matters, use a solid colour: it tells nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.data.planes import Planes
from vidface.vision.align import TEMPLATES, to_template
from vidface.vision.paint import Canvas, Cover, Rgb, Tile

Points = NDArray[np.float64]
Table = NDArray[np.float32]
Mode = Literal["blur", "pixelate", "solid", "mask"]
Shape = Literal["oval", "box"]

_ARC: Final = np.linspace(0, 2 * math.pi, 64, endpoint=False)
_RING: Final = np.stack([np.cos(_ARC), np.sin(_ARC)], -1)
_SOFT: Final = 0.1
"""Width of the blur's soft edge, which lies outside the shape, over the shape's height."""
_LEAST_PX: Final = 4
"""A cell is no smaller than this, so that it always is the mean of several samples."""
_INK: Final[Rgb] = (40, 40, 46)
for _table in (_ARC, _RING):
    _table.setflags(write=False)


class Veil(NamedTuple):
    """How faces are hidden.

    Attributes:
        mode: see `lay`. cells: means across a face (blur, pixelate). colour: of solid and mask.
    """

    mode: Mode
    cells: int
    colour: Rgb


def outline_of_box(box: Any, shape: Shape) -> Points:
    """The box itself, 4 x 2, or the oval within it, 64 x 2."""
    x1, y1, x2, y2 = np.asarray(box, np.float64).tolist()
    if shape == "box":
        return np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)])
    return np.asarray(((x1 + x2) / 2, (y1 + y2) / 2) + _RING * ((x2 - x1) / 2, (y2 - y1) / 2))


def lay(planes: Planes, veil: Veil, box: Any, rings: Sequence[Points], landmarks: Any = None) -> None:
    """Hide what lies inside the rings, in place.

    blur: a smooth surface through `cells` means across the box. pixelate: the means themselves, as squares.
    solid: one colour. mask: one colour and on it the eyes and mouth of a face that is nobody's, put where
    the landmarks are by a similarity, so that of the person only place, size and tilt show.

    Args:
        planes: writable.
        box: x1 y1 x2 y2 in pixels of the frame; the grid of the means lies on it, also where it reaches out
            of the frame, so that the rest of a face at the border is not shown any finer.
        rings: convex outlines, n x 2, of which all that any covers is hidden.
        landmarks: 5 x 2 for the mask's features; None for none.
    """
    points = np.concatenate(list(rings))
    soft = veil.mode == "blur"
    room = 2 + (_SOFT * float(np.ptp(points[:, 1])) if soft else 0)
    canvas = Canvas(planes)
    tile = canvas.tile(*(points.min(axis=0) - room), *(points.max(axis=0) + room))
    if tile is None:
        return
    cover = _covered(tile, rings, room - 2 if soft else 0)
    if veil.mode in ("blur", "pixelate"):
        _average(planes, tile, cover, box=np.asarray(box, np.float64), veil=veil)
        return
    canvas.lay(tile, (cover, veil.colour))
    if veil.mode == "mask" and landmarks is not None:
        _features(canvas, tile, cover, np.asarray(landmarks, np.float64))


def _covered(tile: Tile, rings: Sequence[Points], soft: float) -> Cover:
    """255 on all pixels that a ring touches; with `soft`, falling to 0 over so many pixels outside."""
    core = tile.blank()
    for ring in rings:
        knots = tile.knots(ring)
        cv2.fillPoly(core, [knots], (255,), cv2.LINE_8, 4)
        cv2.polylines(core, [knots], True, (255,), 1, cv2.LINE_8, 4)
    if soft < 1:
        return core
    away = cv2.distanceTransform(255 - core, cv2.DIST_L2, 3)
    rest = np.clip(1 - away / np.float32(soft), 0, 1)
    return np.asarray(np.rint(255 * rest * rest * (3 - 2 * rest)), np.uint8)


def _average(planes: Planes, tile: Tile, cover: Cover, *, box: NDArray[np.float64], veil: Veil) -> None:
    wide, high = (box[2:] - box[:2]).tolist()
    across = max(1, min(veil.cells, int(wide / _LEAST_PX)))
    down = max(1, min(round(veil.cells * high / max(wide, 1e-6)), int(high / _LEAST_PX)))
    for number, plane in enumerate((planes.luma, planes.u, planes.v)):
        sx, sy = planes.subsampling if number else (1, 1)
        left, top = tile.left // sx, tile.top // sy
        size = (tile.right - tile.left) // sx, (tile.bottom - tile.top) // sy
        region = plane[top : top + size[1], left : left + size[0]]
        columns = _places(
            (left + np.arange(region.shape[1], dtype=np.float64) + 0.5) * sx, box[0], box[2], across
        )
        rows = _places((top + np.arange(region.shape[0], dtype=np.float64) + 0.5) * sy, box[1], box[3], down)
        shown = _surface(region.astype(np.float32), rows, columns, smooth=veil.mode == "blur")
        # A chroma sample is hidden wherever one of its luma samples is.
        share = cover.reshape(size[1], sy, size[0], sx).max(axis=(1, 3))
        share = share[: region.shape[0], : region.shape[1]]
        weight = share * np.float32(1 / 255)
        mixed = np.rint(region + weight * (shown - region))
        region[share > 0] = mixed[share > 0]


def _places(centres: NDArray[np.float64], low: float, high: float, cells: int) -> NDArray[np.float64]:
    """Where samples lie, in cells: 0 is the first cell's begin; what lies outside belongs to the last."""
    return np.clip((centres - low) / max(high - low, 1e-6) * cells, 0, np.nextafter(float(cells), 0))


def _surface(
    region: Table, rows: NDArray[np.float64], columns: NDArray[np.float64], *, smooth: bool
) -> Table:
    """The means of a region's cells, and what they look like on its samples."""
    down, across = _own(rows), _own(columns)
    means = (down.T @ region @ across) / (down.sum(axis=0)[:, None] * across.sum(axis=0))
    if smooth:
        down, across = _spline(rows), _spline(columns)
    return np.asarray(down @ means @ across.T, np.float32)


def _own(places: NDArray[np.float64]) -> Table:
    """n samples x the cells that have any: 1 where a sample lies in a cell."""
    cells = np.floor(places).astype(int)
    return np.asarray(cells[:, None] == np.arange(cells.min(), cells.max() + 1), np.float32)


def _spline(places: NDArray[np.float64]) -> Table:
    """The same with weights of the cubic B-spline, which sum to 1 over the cells there are."""
    cells = np.floor(places).astype(int)
    away = np.abs(places[:, None] - 0.5 - np.arange(cells.min(), cells.max() + 1))
    near, far = 2 / 3 - away**2 + away**3 / 2, np.clip(2 - away, 0, None) ** 3 / 6
    weights = np.where(away < 1, near, far)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def _features(canvas: Canvas, tile: Tile, cover: Cover, landmarks: Points) -> None:
    """Eyes and mouth of the template's face; nothing where the landmarks fix no place."""
    try:
        way = np.vstack([to_template(landmarks, "ffhq512"), (0, 0, 1)])
    except ValueError:
        return
    back = np.linalg.inv(way)
    five = TEMPLATES["ffhq512"].points
    bend = np.linspace(0, math.pi, 17)
    middle, half = (five[3] + five[4]) / 2, (five[4, 0] - five[3, 0]) / 2
    arch = np.stack([-np.cos(bend) * half, np.sin(bend) * 0.35 * half], -1)
    mouth = np.concatenate([middle + arch, (middle + arch * (1, 0.45))[::-1]])
    ink = tile.blank()
    for shape in (five[0] + _RING * (30, 22), five[1] + _RING * (30, 22), mouth):
        seen = shape @ back[:2, :2].T + back[:2, 2]
        cv2.fillPoly(ink, [tile.knots(seen)], (255,), cv2.LINE_AA, 4)
    np.minimum(ink, cover, out=ink)
    canvas.lay(tile, (ink, _INK))
