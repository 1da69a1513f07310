"""Fine detail and noise of a face's skin against what is around it, cell by cell at native resolution.

A face that was made at another resolution, smoothed or denoised and put into a picture lacks the finest
detail that its surroundings have; what is compared must be alike otherwise. So a picture is taken apart into
cells of 8 x 8 pixels, and a cell of skin is held only against cells around the face that are as bright and
(for fine detail) as rich in the middle band. That is the idea of noise inconsistencies as a trace of splicing
(B. Mahdian, S. Saic, "Using noise inconsistencies for blind image forensics", Image and Vision Computing
27, 2009), with the matching that a codec and shallow focus make necessary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.vision.facemask import outline_of_mesh
from vidface.vision.meshtopology import BROW_LEFT, BROW_RIGHT, EYE_LEFT, EYE_RIGHT, LIPS_OUTER

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]
Keys = NDArray[np.int64]

CELL: Final = 8
"""Pixels of a cell's side."""
_FINE: Final = 0.8
_MIDDLE: Final = (1.2, 3.0)
"""Sigmas of Gaussians: fine is what the first takes away (above 0.2 cycles a pixel), middle what lies
between the other two (0.06 to 0.16)."""
_RING: Final = (0.14, 0.55)
"""Where the surroundings begin and the head's own band ends, in face heights beyond the outline."""
_REACH: Final = 0.9
_REACH_PX: Final = 192
"""How far a tile reaches beyond the face: in its extent, and in pixels at most."""
_MOST: Final = (1024, 640)
"""Width and height of the largest tile; of larger faces the middle is looked at."""
_SKIN: Final = 0.92
"""Share of the face's outline that counts: its rim is that of the head, too."""
_EYES: Final = ((EYE_RIGHT, BROW_RIGHT), (EYE_LEFT, BROW_LEFT))
_LEVEL: Final = 20.0
_LOG_MIDDLE: Final = 0.7
"""Bins in which cells count as alike: grey levels, and natural log of the middle band's power."""
_DARK: Final = 20.0
_BRIGHT: Final = 240.0
"""Cells beyond are cut off, and have no noise of their own."""
_FAR: Final = 1e6
_FEW: Final = 4
"""Cells that a bin needs on both sides."""
_FLOOR: Final = 0.02
"""Added to powers before the log, grey levels squared: below it rounding alone speaks."""
_NOISE_FLOOR: Final = 0.08


class Cells(NamedTuple):
    """A tile in cells; h x w each, or n where looks were pooled.

    Attributes:
        level: mean grey level, 0..255.
        fine, middle: power of the two bands, grey levels squared.
        noise: mean size of what a 3 x 3 median takes away, grey levels.
        skin: wholly skin of the face, and no eye, brow or lip.
        head: in the band just around the face.
        rest: farther away.
    """

    level: Plane
    fine: Plane
    middle: Plane
    noise: Plane
    skin: Mask
    head: Mask
    rest: Mask


class Against(NamedTuple):
    """The face against its surroundings.

    Attributes:
        lack: natural log of the surroundings over the face; above 0 the face has less.
        head, rest: the same against the band around the head alone, and against the rest alone; NaN
            where too little is alike.
        cells: cells of skin that found their like.
        share: of all cells of skin that could be compared.
        face: median over the skin of the quantity itself (power of the fine band, or noise).
    """

    lack: float
    head: float
    rest: float
    cells: int
    share: float
    face: float


def tile_box(points: Any, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom of the part of a frame to be looked at, on the grid of cells.

    None where the mesh lies outside of the frame. `size` is width and height.
    """
    flat = np.asarray(points, np.float64)[:, :2]
    low, high = flat.min(0), flat.max(0)
    grow = min(_REACH * float((high - low).max()), _REACH_PX)
    first, last = [], []
    for near, far, most, end in zip(low - grow, high + grow, _MOST, size, strict=True):
        middle = (near + far) / 2
        start = max(near, middle - most / 2, 0.0)
        stop = min(far, middle + most / 2, float(end))
        first.append(int(start // CELL) * CELL)
        last.append(int(stop // CELL) * CELL)
    (left, top), (right, bottom) = first, last
    return (left, top, right, bottom) if right - left >= 4 * CELL and bottom - top >= 4 * CELL else None


def cells_of(luma: Any, points: Any, others: list[Any]) -> Cells:
    """Take a tile apart.

    Args:
        luma: h x w grey levels 0..255, sides multiples of 8.
        points: 478 x 2 or 3 of the face, in pixels of the tile.
        others: meshes of other faces there; what they cover is left out.
    """
    tile = np.asarray(luma, np.float32)
    skin, head, rest = _regions(tile.shape, points, others)
    fine = tile - cv2.GaussianBlur(tile, (0, 0), _FINE)
    half = cv2.resize(tile, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    near, far = (cv2.GaussianBlur(half, (0, 0), sigma / 2) for sigma in _MIDDLE)
    middle = near - far
    noise = np.abs(tile - cv2.medianBlur(tile, 3))
    level = _cells(tile)
    plain = (level > _DARK) & (level < _BRIGHT)
    return Cells(
        level,
        _cells(fine * fine),
        _cells(middle * middle, CELL // 2),
        _cells(noise),
        skin & plain,
        head & plain,
        rest & plain,
    )


def pooled(several: Sequence[Cells]) -> Cells:
    """The cells of several looks at one face, in one row; only those that can be compared."""
    used = [one.skin | one.head | one.rest for one in several]
    return Cells(
        *(
            np.concatenate([plane[mask] for plane, mask in zip(planes, used, strict=True)])
            for planes in zip(*several, strict=True)
        )
    )


def lack_of_detail(cells: Cells) -> Against | None:
    """How much less of the fine band the skin has than cells as bright and as rich in the middle band.

    Returns:
        None where hardly anything around the face is like its skin.
    """
    return _against(cells, np.log(cells.fine + _FLOOR), _alike(cells), flat=None)


def lack_of_noise(cells: Cells) -> Against | None:
    """How much less noise the flat parts of the skin have than cells as bright and as flat.

    Returns:
        None where hardly anything around the face is like its skin.
    """
    if not cells.skin.any():
        return None
    flat = float(np.median(cells.middle[cells.skin]))
    return _against(cells, np.log(cells.noise + _NOISE_FLOOR), _levels(cells), flat=flat)


def usual_detail(cells: Cells) -> dict[int, float]:
    """Log power of the fine band that cells around a face have, by how bright and rich they are."""
    around = cells.head | cells.rest
    found = _medians(_alike(cells)[around], np.log(cells.fine + _FLOOR)[around])
    plenty = found.counts >= _FEW
    return dict(zip(found.keys[plenty].tolist(), found.medians[plenty].tolist(), strict=True))


def lack_map(cells: Cells, usual: dict[int, float]) -> NDArray[np.uint8]:
    """h x w: how far each cell of skin lacks the fine detail of its like; 255 at a tenth of the power.

    Args:
        cells: of one look.
        usual: see `usual_detail`, of that look or of several.
    """
    heat = np.zeros(cells.fine.shape, np.float32)
    like = [usual.get(key, np.nan) for key in _alike(cells)[cells.skin].tolist()]
    heat[cells.skin] = np.nan_to_num(np.array(like) - np.log(cells.fine[cells.skin] + _FLOOR))
    return np.asarray(np.clip(heat / np.log(10) * 255, 0, 255), np.uint8)


def _against(cells: Cells, value: Plane, bins: Keys, *, flat: float | None) -> Against | None:
    usable = np.ones(bins.shape, np.bool_) if flat is None else cells.middle <= flat
    skin = cells.skin & usable
    total = int(np.count_nonzero(skin))
    whole, count = _difference(bins, value, skin, (cells.head | cells.rest) & usable)
    if count == 0:
        return None
    head, rest = (_difference(bins, value, skin, part & usable)[0] for part in (cells.head, cells.rest))
    quantity = cells.fine if flat is None else cells.noise
    return Against(whole, head, rest, count, count / total, float(np.median(quantity[skin])))


def _difference(bins: Keys, value: Plane, skin: Mask, around: Mask) -> tuple[float, int]:
    """Mean over bins of the difference of medians, by the fewer cells; and how many of skin took part."""
    mine, others = _medians(bins[skin], value[skin]), _medians(bins[around], value[around])
    _, own, like = np.intersect1d(mine.keys, others.keys, assume_unique=True, return_indices=True)
    fewer = np.minimum(mine.counts[own], others.counts[like])
    enough = fewer >= _FEW
    if not enough.any():
        return np.nan, 0
    found = (others.medians[like] - mine.medians[own])[enough]
    return float(np.average(found, weights=fewer[enough])), int(mine.counts[own][enough].sum())


class _Medians(NamedTuple):
    """Medians of groups, and how many values each has."""

    keys: Keys
    medians: NDArray[np.float64]
    counts: Keys


def _medians(keys: Keys, values: Plane) -> _Medians:
    """The median of the values of each key."""
    order = np.argsort(values)
    order = order[np.argsort(keys[order].astype(np.int16), kind="stable")]
    names, starts, counts = np.unique(keys[order], return_index=True, return_counts=True)
    ranked = values[order].astype(np.float64)
    middle = (ranked[starts + (counts - 1) // 2] + ranked[starts + counts // 2]) / 2
    return _Medians(names, middle, counts)


def _levels(cells: Cells) -> Keys:
    """Cells that are as bright have the same number."""
    return np.asarray(np.floor(cells.level / _LEVEL).astype(np.int64))


def _alike(cells: Cells) -> Keys:
    """Cells that are as bright and as rich in the middle band have the same number."""
    rows = np.floor(np.log(cells.middle + _FLOOR) / _LOG_MIDDLE).astype(np.int64)
    return np.asarray(_levels(cells) * 1000 + rows + 500)


def _regions(shape: tuple[int, ...], points: Any, others: list[Any]) -> tuple[Mask, Mask, Mask]:
    """Cells of skin, of the band around the head, and of the rest."""
    flat = np.asarray(points, np.float64)[:, :2]
    face = outline_of_mesh(flat, forehead=0.0, grow=0.0)
    inner = face.mean(0) + _SKIN * (face - face.mean(0))
    holes = [_grown(flat[[*eye, *brow]], 1.2) for eye, brow in _EYES] + [_grown(flat[list(LIPS_OUTER)], 1.15)]
    skin = _filled(shape, [inner]) - _filled(shape, holes)
    near, wide = (_filled(shape, [outline_of_mesh(flat, forehead=2 * g, grow=g)]) for g in _RING)
    strangers = _filled(shape, [outline_of_mesh(one, forehead=0.2, grow=0.1) for one in others])
    free = strangers <= 0
    return (skin >= 1) & free, (near <= 0) & (wide >= 1) & free, (wide <= 0) & free


def _grown(points: NDArray[np.float64], by: float) -> NDArray[np.float64]:
    hull = np.asarray(cv2.convexHull(points.astype(np.float32))[:, 0], np.float64)
    return np.asarray(hull.mean(0) + by * (hull - hull.mean(0)))


def _filled(shape: tuple[int, ...], rings: list[NDArray[np.float64]]) -> Plane:
    """Share of each cell within the rings; drawn at half size."""
    mask = np.zeros((shape[0] // 2, shape[1] // 2), np.float32)
    for ring in rings:
        # In sixteenths, counted from the centre of the first pixel.
        corners = np.rint(np.clip(ring / 2 - 0.5, -_FAR, _FAR) * 16).astype(np.int32)
        cv2.fillPoly(mask, [corners], (1.0,), shift=4)
    return _cells(mask, CELL // 2)


def _cells(plane: Any, side: int = CELL) -> Plane:
    """Means over cells of so many samples a side."""
    high, wide = plane.shape[0] // side, plane.shape[1] // side
    return np.asarray(cv2.resize(plane, (wide, high), interpolation=cv2.INTER_AREA), np.float32)
