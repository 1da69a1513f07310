"""A field of places from two meshes of one face: where in the source each pixel of the target comes from.

Inside the face every pixel follows its triangle, the nearest to the viewer first; the eyeballs lie still
behind lids that slide over them. Around the face the field goes on smoothly: head and hair follow the rim
of the face, the neck gives way, shoulders and the picture's border stay.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.data.mesh import POINTS
from vidface.vision.flowaround import Bounds, head_motion, spread
from vidface.vision.floweyes import eyeball
from vidface.vision.meshmodel import MeshModel
from vidface.vision.meshtopology import EYE_LEFT, EYE_RIGHT, LIPS_INNER

Array = NDArray[np.float32]
Table = NDArray[np.int32]

_SHIFT: Final = 4
_BEHIND: Final = 0.12
"""A point that lies so many inter-ocular distances behind what covers it is hidden."""
_SQUEEZED: Final = 0.2
"""Area over that in the source, both in inter-ocular distances, below which a triangle is not followed."""
_COARSE: Final = 96
"""Side of the picture in which points of the source are tested for being hidden."""


class Known(NamedTuple):
    """What may be known of a source.

    Attributes:
        seen: 478, see `visible`.
        bounds: the part of the source in which there is a picture; None for all.
    """

    seen: Array
    bounds: Bounds | None = None


class MeshField(NamedTuple):
    """A field on the target picture's grid.

    Attributes:
        places: h x w x 2 float32, where in the source picture the pixel comes from; pixels, the centre of
            the top-left one at (0.5, 0.5).
        inside: h x w float32, 1 where the mesh covers the pixel; eyes count, the opening of the mouth not.
        seen: h x w float32, how far the pixel's point faces the viewer in the source and is not hidden
            there, 0 to 1; 0 outside.
        code: h x w x 3 float32, the pixel's point on the mean face, -1..1 or so; 0 outside.
        mouth: h x w float32, 1 in the opening of the mouth.
    """

    places: Array
    inside: Array
    seen: Array
    code: Array
    mouth: Array


def strips(ring: tuple[int, ...]) -> Table:
    """Triangles that close a ring whose first half runs along the upper lip or lid, the second back."""
    half, rows = len(ring) // 2, []
    for i in range(half):
        a, b = ring[i], ring[i + 1]
        c, d = ring[(len(ring) - i - 1) % len(ring)], ring[(len(ring) - i) % len(ring)]
        rows += [(a, c, b)] if i < half - 1 else []
        rows += [(a, d, c)] if i else []
    return np.array(rows, np.int32)


_EYES: Final = np.concatenate([strips(EYE_RIGHT), strips(EYE_LEFT)])
_MOUTH: Final = strips(LIPS_INNER)


def mesh_field(
    source: Any, target: Any, *, model: MeshModel, size: tuple[int, int], known: Known | None = None
) -> MeshField:
    """The field that moves a picture of one mesh to another mesh of the same face.

    Args:
        source, target: 478 x 3, pixels of pictures of the same size; z in the same scale.
        model: names triangles and the mean face.
        size: width and height of the pictures.
        known: of the source, if it is known already.

    Raises:
        ValueError: a mesh that is not 478 x 3 and finite, or that has no extent.
    """
    here, there = (_checked(mesh, name) for mesh, name in ((source, "source"), (target, "target")))
    known = known or Known(visible(here, model))
    skin, eyes = len(model.triangles), len(model.triangles) + len(_EYES)
    table = np.concatenate([model.triangles, _EYES, _MOUTH])
    ids = _drawn(there, table, size, whole=skin)
    rows, columns = np.nonzero(ids >= 0)
    mine = ids[rows, columns]
    values = np.column_stack([here[:, :2], model.mean, known.seen])
    found = _follow(_planes(there, table, values), mine, columns + np.float32(0.5), rows + np.float32(0.5))
    found[:, :2] = _kept(found[:, :2], here[table, :2], mine)
    for side, ring in enumerate((EYE_RIGHT, EYE_LEFT)):
        at = (mine >= skin) & (mine < eyes) & ((mine - skin) // (len(_EYES) // 2) == side)
        if at.any():
            found[at, :2] = eyeball(np.column_stack([columns[at], rows[at]]) + 0.5, here, there, ring=ring)
    found[mine >= eyes, 2:] = 0
    maps = np.zeros((size[1], size[0], values.shape[1]), np.float32)
    maps[rows, columns] = found
    unit = unit_of(there)
    around = head_motion(here, there, unit=unit, size=size, bounds=known.bounds)
    # Where a triangle is turned away so far that it holds far more of the source than of the target, what
    # it shows is torn; its pixels go on from their neighbours.
    squeezed = _areas(there, table) < _SQUEEZED * _areas(here, table) * (unit_of(there) / unit_of(here)) ** 2
    followed = ids >= 0
    followed[rows, columns] = ~squeezed[mine]
    places = spread(maps[..., :2], followed, around, reach=unit, bounds=known.bounds)
    mouth = (ids >= eyes).astype(np.float32)
    inside = (ids >= 0).astype(np.float32) - mouth
    return MeshField(places, inside, np.clip(maps[..., 5], 0, 1), maps[..., 2:5], mouth)


def visible(mesh: Any, model: MeshModel) -> Array:
    """How well each of the 478 points is seen: cosine of its normal to the viewer, 0 where it is hidden.

    Args:
        mesh: 478 x 3, pixels.
    """
    points = _checked(mesh, "mesh")
    low, extent = points[:, :2].min(0), float(np.ptp(points[:, :2], axis=0).max())
    scaled = ((points - (*low, 0)) * ((_COARSE - 4) / extent) + (2, 2, 0)).astype(np.float32)
    table = model.triangles
    corners = scaled[table]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.zeros((POINTS, 3), np.float32)
    for corner in range(3):
        for axis in range(3):
            total[:, axis] += np.bincount(table[:, corner], normal[:, axis], POINTS)
    size = np.linalg.norm(total, axis=1)
    # Normals look at the viewer, where z falls; points of no triangle (the irises) count as facing.
    facing = np.where(size > 0, -total[:, 2] / np.maximum(size, 1e-9), 1)
    ids = _drawn(scaled, table, (_COARSE, _COARSE), whole=len(table))
    spots = np.clip(scaled[:, :2].astype(np.int32), 0, _COARSE - 1)
    top = ids[spots[:, 1], spots[:, 0]]
    planes = _planes(scaled, table, scaled[:, 2:])
    depth = _follow(planes, np.maximum(top, 0), scaled[:, 0], scaled[:, 1])[:, 0]
    hidden = (top >= 0) & (scaled[:, 2] - depth > _BEHIND * unit_of(scaled))
    return np.asarray(np.where(hidden, 0, np.clip(1.6 * facing, 0, 1)), np.float32)


def unit_of(mesh: Any) -> float:
    """Distance in space between the middles of each eye's corners."""
    points = np.asarray(mesh, np.float64)
    middles = [(points[ring[0]] + points[ring[8]]) / 2 for ring in (EYE_RIGHT, EYE_LEFT)]
    return max(1e-3, float(np.linalg.norm(middles[0] - middles[1])))


def _checked(mesh: Any, name: str) -> Array:
    points = np.asarray(mesh, np.float32)
    if points.shape != (POINTS, 3) or not np.isfinite(points).all():
        raise ValueError(f"the {name} mesh must be {POINTS} x 3 and finite, but is {points.shape}")
    if np.ptp(points[:, :2], axis=0).max() < 1:
        raise ValueError(f"the {name} mesh is less than a pixel wide and high")
    return points


def _drawn(points: Array, table: Table, size: tuple[int, int], *, whole: int) -> Table:
    """h x w int32: the triangle that each pixel shows, -1 for none; the far ones are drawn first.

    Args:
        whole: the first so many triangles are left out where they look away from the viewer.
    """
    corners = points[table]
    (ax, ay), (bx, by) = ((corners[:, i, :2] - corners[:, 0, :2]).T for i in (1, 2))
    shown = ax * by - ay * bx < 0
    shown[whole:] = True
    order = np.flatnonzero(shown)
    order = order[np.argsort(-corners[order, :, 2].mean(axis=1), kind="stable")]
    knots = np.rint((corners[order, :, :2] - 0.5) * (1 << _SHIFT)).astype(np.int32)
    ids = np.full((size[1], size[0]), -1, np.int32)
    for number, triangle in zip(order.tolist(), knots, strict=True):
        cv2.fillConvexPoly(ids, triangle, number, cv2.LINE_8, _SHIFT)
    return ids


def _areas(points: Array, table: Table) -> Array:
    """Twice the area of each triangle in the picture."""
    one, two = (points[table[:, i], :2] - points[table[:, 0], :2] for i in (1, 2))
    return np.asarray(np.abs(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]), np.float32)


def _kept(places: Array, corners: Array, mine: Table) -> Array:
    """Places held within the extent of their triangle, which its outermost pixels leave."""
    low, high = corners.min(axis=1) - 0.5, corners.max(axis=1) + 0.5
    return np.asarray(np.clip(places, low[mine], high[mine]), np.float32)


def _planes(points: Array, table: Table, values: Any) -> Array:
    """t x k x 3: value k of a triangle at x, y is a x + b y + c (of its corners' values 478 x k)."""
    corners = points[table, :2].astype(np.float64)
    given = np.asarray(values, np.float64)[table]
    one, two = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]
    area = np.where(np.abs(area) < 1e-6, np.inf, area)[:, None]
    rise, way = given[:, 1] - given[:, 0], given[:, 2] - given[:, 0]
    across = (rise * two[:, 1:] - way * one[:, 1:]) / area
    down = (way * one[:, :1] - rise * two[:, :1]) / area
    start = given[:, 0] - across * corners[:, 0, :1] - down * corners[:, 0, 1:]
    return np.stack([across, down, start], axis=2).astype(np.float32)


def _follow(planes: Array, mine: Table, x: Array, y: Array) -> Array:
    """n x k values at n points, each in its triangle."""
    own = planes[mine]
    return np.asarray(own[:, :, 0] * x[:, None] + own[:, :, 1] * y[:, None] + own[:, :, 2], np.float32)
