"""Grain: noise of the picture around a face, put back where a cleaned face would stand out of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Tile = NDArray[np.float32]
"""h x w, code values of luma."""

_HIGH: Final = 1.5
"""Sigma of the low-pass that noise is told from the picture by."""
_FLAT: Final = 60.0
"""Per cent of a region that count as flat; the rest are edges."""
_FEW: Final = 48
"""Samples that a measurement needs."""
_FAINT: Final = 0.35
"""Grey levels of noise below which there is no grain worth making: 8-bit rounding alone is 0.29."""
_ROWS: Final = 256
"""Rows of a tile that are measured."""
_BAND: Final = 32
_SEAM: Final = 5
"""Rows that a filter reaches."""
_SIGMAS: Final = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5, 2.0)


@dataclass(frozen=True, slots=True)
class Grain:
    """How a face gets its grain.

    Attributes:
        seed: numbers that make this grain, such as the frame's pts and the track; the same numbers give
            the same grain.
        keep: how much of the missing noise is put back deep inside, 0 to 1; at the border it is all.
    """

    seed: tuple[int, ...]
    keep: float = 0.3

    def __post_init__(self) -> None:
        if not 0 <= self.keep <= 1:
            raise ValueError(f"Grain.keep must lie in 0..1, but is {self.keep}")


class Noise(NamedTuple):
    """Noise of a tile in code values (standard deviation of the high-passed luma).

    Attributes:
        outside: around the face.
        before: in the face as it was.
        inside: in the face as it is now.
        shared: correlation of the last two, 0 to 1.
        neighbours: correlation of samples side by side, outside.
    """

    outside: float
    before: float
    inside: float
    shared: float
    neighbours: float


def measure_noise(luma: Tile, change: Tile, weight: NDArray[np.float32]) -> Noise | None:
    """Noise outside and inside a mask, by the median deviation of the high-passed luma in flat places.

    Args:
        luma: the tile as it was, with surroundings.
        change: what the face's new look adds to it, not weighted.
        weight: the mask on the same grid; 0 outside.

    Returns:
        None where too few samples are outside or inside to tell.
    """
    rows, usable = _bands(len(luma))
    high, flat, w = _high_pass(luma[rows]), _slopes(luma[rows]), weight[rows]
    around, within = _flattest(flat, usable & (w <= 0)), _flattest(flat, usable & (w > 0.9))
    if around is None or within is None:
        return None
    was = high[within]
    now = was + _high_pass(change[rows])[within]
    scale = float(np.sqrt(np.mean(was * was) * np.mean(now * now)))
    shared = float(np.mean(was * now)) / scale if scale > 0 else 1.0
    return Noise(
        _deviation(high[around]),
        _deviation(was),
        _deviation(now),
        min(max(shared, 0.0), 1.0),
        _neighbours(high, around),
    )


def fill(
    luma: Tile, change: Tile, weight: NDArray[np.float32], *, grain: Grain, step: int = 1
) -> NDArray[np.float32]:
    """Grain that makes up for the noise that a change of the face takes away.

    At a weight w the face is a mix of what it was and what it is; the noise that the mix lacks against
    the surroundings is put back, all of it at the border and `grain.keep` of it where w is 1.

    Args:
        luma: h x w, the tile as it was, with some of the surroundings.
        change: what is added to it where the weight is 1.
        weight: the mask; nothing is added where it is 0.
        grain: seed and strength.
        step: code values of one 8-bit grey level: 1, 4 or 16.

    Returns:
        h x w float32, to be added as it is; zeros where there is nothing to match.
    """
    none = np.zeros_like(luma)
    noise = measure_noise(luma, change, weight)
    if noise is None or noise.outside < _FAINT * step:
        return none
    shown = _strength(weight, noise, grain.keep)
    if not shown.any():
        return none
    return shown * _unit_grain(luma.shape, grain.seed, _blur_of(noise.neighbours))


def _strength(weight: NDArray[np.float32], noise: Noise, keep: float) -> NDArray[np.float32]:
    """Deviation of the grain at each weight, by a table over the weights."""
    w = np.linspace(0, 1, 257)
    old, new, cross = noise.before, noise.inside, 2 * noise.shared * noise.before * noise.inside
    have = (1 - w) ** 2 * old * old + w * w * new * new + w * (1 - w) * cross
    # Skin in focus may be rougher than its surroundings: then the face as it was is the measure.
    goal = min(noise.outside, max(old, new))
    lack = np.sqrt(np.maximum(goal * goal - have, 0))
    inner = np.clip((w - 0.5) * 2, 0, 1)
    table = (lack * (1 - (1 - keep) * inner * inner * (3 - 2 * inner))).astype(np.float32)
    table[0] = 0
    # The lowest weights get their part too, since nothing but 0 is 0; the square root is steep there.
    # Sampled masks may exceed 1 by a rounding.
    place = np.ceil(np.clip(weight, 0, 1) * np.float32(256))
    return np.asarray(table[place.astype(np.int32)])


def _unit_grain(shape: tuple[int, ...], seed: tuple[int, ...], sigma: float) -> NDArray[np.float32]:
    """Gaussian grain, smeared by `sigma`, whose high-passed part has a deviation of 1."""
    random = np.random.Generator(np.random.SFC64([value & 0xFFFFFFFFFFFFFFFF for value in seed]))
    field = random.standard_normal(shape, np.float32)
    if sigma > 0:
        cv2.GaussianBlur(field, (0, 0), sigma, dst=field, borderType=cv2.BORDER_REFLECT_101)
    return field * np.float32(1 / _response(sigma)[0])


def _bands(height: int) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Rows to measure: all, or bands spread over a high tile; and n x 1, which are no neighbours of a cut."""
    count = _ROWS // _BAND
    if height <= _ROWS:
        return np.arange(height), np.ones((height, 1), bool)
    starts = np.linspace(0, height - _BAND, count).astype(int)
    rows = (starts[:, None] + np.arange(_BAND)).ravel()
    usable = np.ones((count, _BAND, 1), bool)
    usable[:, :_SEAM] = usable[:, -_SEAM:] = False
    return rows, usable.reshape(-1, 1)


def _high_pass(tile: NDArray[np.float32]) -> NDArray[np.float32]:
    low = cv2.GaussianBlur(tile, (0, 0), _HIGH, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(tile - low, np.float32)


def _slopes(tile: Tile) -> NDArray[np.float32]:
    """Steepness of the smoothed tile."""
    low = cv2.GaussianBlur(tile, (0, 0), 2.0, borderType=cv2.BORDER_REFLECT_101)
    across, down = cv2.Sobel(low, cv2.CV_32F, 1, 0), cv2.Sobel(low, cv2.CV_32F, 0, 1)
    return np.asarray(across * across + down * down, np.float32)


def _flattest(slopes: NDArray[np.float32], region: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """The flat part of a region, or None where the region is too small."""
    if np.count_nonzero(region) < _FEW:
        return None
    return np.asarray(region & (slopes <= np.percentile(slopes[region], _FLAT)))


def _deviation(values: NDArray[np.float32]) -> float:
    """Standard deviation of normal values, by the median of their sizes."""
    return 1.4826 * float(np.median(np.abs(values)))


def _neighbours(high: NDArray[np.float32], region: NDArray[np.bool_]) -> float:
    """Correlation of samples side by side and one above the other."""
    products, squares = 0.0, 0.0
    for a, b, both in (
        (high[:, 1:], high[:, :-1], region[:, 1:] & region[:, :-1]),
        (high[1:], high[:-1], region[1:] & region[:-1]),
    ):
        one, other = a[both], b[both]
        products += float(one @ other)
        squares += float(one @ one + other @ other) / 2
    return products / squares if squares > 0 else 0.0


def _blur_of(neighbours: float) -> float:
    """Sigma of a blur after which white noise has this correlation of neighbours, high-passed; 0 to 2."""
    seen = [_response(sigma)[1] for sigma in _SIGMAS]
    return float(np.interp(neighbours, seen, _SIGMAS))


@cache
def _response(sigma: float) -> tuple[float, float]:
    """Deviation and correlation of neighbours of unit white noise, blurred by sigma and high-passed."""
    field: NDArray[Any] = np.zeros((63, 63), np.float32)
    field[31, 31] = 1
    if sigma > 0:
        field = cv2.GaussianBlur(field, (0, 0), sigma)
    field = _high_pass(np.asarray(field, np.float32))
    power = float((field * field).sum())
    return math.sqrt(power), float((field[:, 1:] * field[:, :-1]).sum()) / power
