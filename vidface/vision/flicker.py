"""Brightness flicker: how brightness changes from frame to frame, and how to change it back.

From one frame to the next a brightness curve (knots over the grey levels) and, on a coarse grid, local
gains are fitted to pairs of pixels at the same place, robustly, so that what moves has no say
(iteratively reweighted least squares with Tukey's biweight: Beaton and Tukey 1974).

Brightness is luma in units: 0 is black, 1 is white, whatever the range and depth of the planes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.data.planes import Planes

Array = NDArray[np.float64]
Small = NDArray[np.float32]

KNOTS: Final = 6
"""Grey levels 0, 0.2 .. 1 at which the curve is fitted; straight lines between."""
ROWS: Final = 20
"""Rows of the grid of local gains: bands of a rolling shutter are narrow."""
COLUMNS: Final = 8
_THUMBNAIL: Final = (COLUMNS * 12, ROWS * 3)
"""Width and height at which brightness is compared."""
_ROUNDS: Final = 4
_LEAST_SCALE: Final = 0.004
"""Disagreement of pixels, in units, that is never taken for motion."""
_LOST: Final = 0.06
"""Where half of the pixels disagree by more, in units, the pictures show different things."""
_STIFF: Final = 0.02
"""Weight of a straight curve against a bent one, relative to one pixel in one."""
_DARK: Final = 0.08
"""Where it is darker, gains are not to be trusted."""
_SHOULDER: Final = 0.08
_ROWS_AGREE: Final = 0.05
_CELLS_AGREE: Final = 0.02
"""Pixels whose gains differ by less than this from the median of their row or cell agree."""
_MOST: Final = 0.5
"""No brightness is changed by more than this share."""


def thumbnail(planes: Planes) -> Small:
    """Brightness of a frame in units, area-averaged to 96 x 60 pixels whatever its shape."""
    black, span = _codes(planes)
    shrunk = cv2.resize(np.ascontiguousarray(planes.luma), _THUMBNAIL, interpolation=cv2.INTER_AREA)
    return np.asarray((shrunk.astype(np.float32) - np.float32(black)) / np.float32(span))


@dataclass(frozen=True, slots=True, eq=False)
class Shift:
    """A change of brightness.

    Attributes:
        curve: KNOTS values, how much brighter (units) each grey level is.
        gains: ROWS x COLUMNS, by which share more (positive) or less each part of the picture.
    """

    curve: Array
    gains: Array

    @classmethod
    def none(cls) -> Shift:
        """No change."""
        return cls(np.zeros(KNOTS), np.zeros((ROWS, COLUMNS)))

    @classmethod
    def of(cls, numbers: Array) -> Shift:
        """The inverse of `numbers`."""
        return cls(numbers[:KNOTS], numbers[KNOTS:].reshape(ROWS, COLUMNS))

    @property
    def numbers(self) -> Array:
        """All in one row."""
        return np.concatenate([self.curve, self.gains.ravel()])


def measure(before: Small, after: Small) -> Shift:
    """How the brightness changed between two neighbouring frames of a scene.

    Args:
        before, after: thumbnails of one shape.

    Returns:
        None of it where the pictures have nothing in common (a cut that nobody saw, a whip pan).
    """
    level = np.clip((before + after) / 2, 0, 1).ravel().astype(np.float64)
    change = (after - before).ravel().astype(np.float64)
    curve, rest = _fitted(level, change)
    if float(np.median(np.abs(rest))) > _LOST:
        return Shift.none()
    return Shift(curve, _gains(level.reshape(before.shape), rest.reshape(before.shape)))


def _fitted(level: Array, change: Array) -> tuple[Array, Array]:
    """The curve through most of the pixels, and what it leaves."""
    bent = np.diff(np.eye(KNOTS), 2, axis=0)
    prior = _STIFF * len(level) * (bent.T @ bent) + 1e-6 * np.eye(KNOTS)
    # Black stays black, as far as nothing else is seen.
    prior[0, 0] += _STIFF * len(level)
    below = np.minimum((level * (KNOTS - 1)).astype(np.intp), KNOTS - 2)
    part = level * (KNOTS - 1) - below
    bright = level > _DARK
    gain = float(np.median(change[bright] / level[bright])) if bright.any() else 0.0
    curve: Array = gain * np.linspace(0, 1, KNOTS)
    for _ in range(_ROUNDS):
        rest = change - (curve[below] * (1 - part) + curve[below + 1] * part)
        scale = max(1.4826 * float(np.median(np.abs(rest))), _LEAST_SCALE)
        weight = np.clip(1 - (rest / (4.685 * scale)) ** 2, 0, None) ** 2
        curve = _solved(below, part, (weight, change), prior)
    return curve, change - (curve[below] * (1 - part) + curve[below + 1] * part)


def _solved(below: NDArray[np.intp], part: Array, pairs: tuple[Array, Array], prior: Array) -> Array:
    """Weighted least squares of straight lines between knots: each pixel lies `part` above knot `below`."""
    weight, change = pairs
    normal, right = prior.copy(), np.zeros(KNOTS)
    low, high = weight * (1 - part), weight * part
    for row, column, values in ((0, 0, low * (1 - part)), (0, 1, low * part), (1, 1, high * part)):
        sums = np.bincount(below, values, KNOTS - 1)
        spots = np.arange(KNOTS - 1)
        normal[spots + row, spots + column] += sums
        if row != column:
            normal[spots + column, spots + row] += sums
    right[:-1] += np.bincount(below, low * change, KNOTS - 1)
    right[1:] += np.bincount(below, high * change, KNOTS - 1)
    return np.asarray(np.linalg.solve(normal, right))


def _gains(level: Array, rest: Array) -> Array:
    """What the curve leaves, as gains: of whole rows first, which few things cover, then of their parts."""
    gain = np.where(level > _DARK, rest / np.maximum(level, _DARK), np.nan)
    rows = _agreed(gain.reshape(ROWS, 1, -1), _ROWS_AGREE)
    height = level.shape[0] // ROWS
    spots = (np.arange(level.shape[0]) + 0.5) / height - 0.5
    gain -= np.interp(spots, np.arange(ROWS), rows[:, 0])[:, None]
    cells = gain.reshape(ROWS, height, COLUMNS, -1).transpose(0, 2, 1, 3)
    return np.asarray(rows + _agreed(cells.reshape(ROWS, COLUMNS, -1), _CELLS_AGREE))


def _agreed(cells: Array, within: float) -> Array:
    """Median of each cell (rows x columns x pixels, NaN unknown); its neighbours' where it has none."""
    seen = np.isfinite(cells).mean(axis=2) > 0.5
    known = np.where(seen[..., None], cells, 0)
    found = np.nanmedian(known, axis=2)
    trust = np.mean(np.abs(known - found[..., None]) < within, axis=2)
    trust = np.where(seen & (trust > 0.5), trust, 0)
    top, bottom = (
        cv2.GaussianBlur(one, (0, 0), 1.0, borderType=cv2.BORDER_REPLICATE) for one in (found * trust, trust)
    )
    return np.asarray(trust * found + (1 - trust) * top / (bottom + 0.05))


def brighten(planes: Planes, shift: Shift) -> None:
    """Change writable planes in place by a shift of brightness; colour keeps its saturation.

    White that is clipped has no say in local gains and is left to the curve alone.
    """
    black, span = _codes(planes)
    codes = np.arange(1 << planes.bits)
    level = (codes - black) / span
    curve = level + np.interp(level, np.linspace(0, 1, KNOTS), shift.curve)
    curve = np.maximum.accumulate(curve)
    local = np.clip(level, 0, 1) * np.clip((1 - level) / _SHOULDER, 0, 1)
    _brighten_chroma(planes, shift, (curve - level) / level.clip(_DARK))
    table = curve * span + black
    if np.abs(shift.gains).max() * span < 0.5:
        whole = np.clip(np.rint(table), 0, codes[-1]).astype(planes.luma.dtype)
        if not np.array_equal(whole, codes):
            planes.luma[...] = whole[planes.luma]
        return
    mixed = cv2.multiply(_spread(shift.gains, planes.luma.shape), _looked_up(local * span, planes.luma))
    plain = _looked_up(table, planes.luma)
    _store(np.asarray(cv2.add(mixed, plain, dst=mixed), np.float32), planes.luma, planes.bits)


def _brighten_chroma(planes: Planes, shift: Shift, factors: Array) -> None:
    """Chroma grows as its luma does: `factors` by the code of luma, and the local gains."""
    half = 1 << (planes.bits - 1)
    most = np.abs(factors).max() + np.abs(shift.gains).max()
    if most * half * 0.9 < 0.5:
        return
    height, width = planes.u.shape
    luma = cv2.resize(np.ascontiguousarray(planes.luma), (width, height), interpolation=cv2.INTER_AREA)
    grow = _looked_up(1 + factors, luma) + _spread(shift.gains, planes.u.shape)
    for plane in (planes.u, planes.v):
        away = plane.astype(np.float32) - half
        _store(away * grow + np.float32(half), plane, planes.bits)


def _looked_up(table: Array, plane: NDArray[Any]) -> NDArray[np.float32]:
    """Each sample by its entry in the table, float32."""
    full = np.zeros(1 << (8 * plane.itemsize), np.float32)
    full[: len(table)] = table
    return np.asarray(cv2.LUT(np.ascontiguousarray(plane), full))


def _store(values: NDArray[np.float32], plane: NDArray[Any], bits: int) -> None:
    np.clip(np.rint(values, out=values), 0, (1 << bits) - 1, out=values)
    np.copyto(plane, values, casting="unsafe")


def _spread(gains: Array, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """The grid over a whole plane: smooth at first, then straight between many knots, which is fast."""
    size = shape[1], shape[0]
    fine = cv2.resize(gains.astype(np.float32), (8 * COLUMNS, 8 * ROWS), interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.resize(fine, size, interpolation=cv2.INTER_LINEAR))


def _codes(planes: Planes) -> tuple[float, float]:
    """Code values of black, and from black to white."""
    if planes.full_range:
        return 0.0, float((1 << planes.bits) - 1)
    return float(16 << (planes.bits - 8)), float(219 << (planes.bits - 8))
