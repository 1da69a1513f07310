"""Warps of a whole picture on its YUV planes: one interpolation, no way through RGB.

Points are continuous pixels of the frame, the centre of the top-left pixel at (0.5, 0.5). Chroma of
4:2:0 and 4:2:2 lies where H.264 and HEVC put it unless told otherwise: level with the even luma columns,
and of 4:2:0 half-way between two lines (ITU-T H.264 (08/2021), figure E-1, type 0).
"""

from __future__ import annotations

import math
from typing import Any, Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.data.planes import Planes

Fill = Literal["black", "replicate", "mirror", "blur"]
"""What stands where the warped picture does not reach."""

Matrix = NDArray[np.float64]

_BORDERS: Final = {
    "black": cv2.BORDER_CONSTANT,
    "replicate": cv2.BORDER_REPLICATE,
    "mirror": cv2.BORDER_REFLECT,
    "blur": cv2.BORDER_TRANSPARENT,
}
_BACKDROP: Final = 16
"""The blurred surroundings are made at a sixteenth of the output's size."""
_ALIASES: Final = 1.05
"""Pictures that shrink by more than this are low-passed before they are sampled."""


def as_3x3(matrix: Any) -> Matrix:
    """A 2 x 3 or 3 x 3 matrix as 3 x 3 float64.

    Raises:
        ValueError: another shape, a number that is not finite, or a matrix without an inverse.
    """
    given = np.asarray(matrix, np.float64)
    square = np.vstack([given, (0.0, 0.0, 1.0)]) if given.shape == (2, 3) else given
    if square.shape != (3, 3) or not np.isfinite(square).all() or abs(np.linalg.det(square)) < 1e-12:
        raise ValueError(
            f"a warp wants a finite 2 x 3 or 3 x 3 matrix with an inverse, but got {given.tolist()}"
        )
    return square


def warp_planes(source: Planes, target: Planes, matrix: Any, *, fill: Fill = "black") -> None:
    """Fill the target's planes with the source, warped.

    Bicubic where the picture keeps its size or grows; where it shrinks it is low-passed first, so that
    it does not alias. The identity copies samples bit by bit.

    Args:
        source: read only.
        target: of any size, writable, of the same depth.
        matrix: 2 x 3 or 3 x 3, takes the source's pixels to the target's.
        fill: what stands where the source does not reach.

    Raises:
        ValueError: the matrix has no inverse, or the depths differ.
    """
    square = as_3x3(matrix)
    if source.bits != target.bits:
        raise ValueError(f"a warp keeps the depth, but goes from {source.bits} to {target.bits} bits")
    black = (0 if source.full_range else 16 << (source.bits - 8), *(1 << (source.bits - 1),) * 2)
    for number, (have, want) in enumerate(zip(_all(source), _all(target), strict=True)):
        if have.shape == want.shape and np.array_equal(square, np.eye(3)):
            np.copyto(want, have)
            continue
        here, there = (_grid(planes.subsampling if number else (1, 1)) for planes in (source, target))
        _warp(have, want, np.linalg.inv(there) @ square @ here, fill=fill, black=black[number])
        if source.bits > 8:  # what the bicubic kernel throws over the top would wrap round in the encoder
            np.minimum(want, (1 << source.bits) - 1, out=want)


def cover(source: tuple[int, int], target: tuple[int, int]) -> Matrix:
    """3 x 3: the source scaled and centred so that it covers all of the target.

    Args:
        source, target: width and height in pixels.
    """
    scale = max(target[0] / source[0], target[1] / source[1])
    shift = [(t - scale * s) / 2 for s, t in zip(source, target, strict=True)]
    return np.array([(scale, 0, shift[0]), (0, scale, shift[1]), (0, 0, 1.0)])


def shows_border(matrix: Any, source: tuple[int, int], target: tuple[int, int]) -> bool:
    """Whether some of the target lies outside the warped source; a hundredth of a pixel does not count."""
    return bool(outside(matrix, source, target) > 0.01)


def outside(matrix: Any, source: tuple[int, int], target: tuple[int, int]) -> float:
    """Pixels by which the target's corners reach outside the source; 0 or less where they do not."""
    wide, high = target
    corners = np.array([(0.0, 0, 1), (wide, 0, 1), (0, high, 1), (wide, high, 1)])
    seen = corners @ np.linalg.inv(as_3x3(matrix)).T
    seen = seen[:, :2] / seen[:, 2:]
    return float(np.max(np.maximum(-seen, seen - np.array(source, np.float64))))


def sample(plane: NDArray[Any], matrix: Matrix, size: tuple[int, int]) -> NDArray[Any]:
    """A piece of one full-size plane, bicubic, low-passed where it shrinks; the edge goes on outside.

    Args:
        plane: H x W uint8 or uint16.
        matrix: 3 x 3 from pixels of the frame to pixels of the piece.
        size: width and height of the piece.
    """
    piece = np.empty((size[1], size[0]), plane.dtype)
    grid = _grid((1, 1))
    _warp(plane, piece, np.linalg.inv(grid) @ matrix @ grid, fill="replicate", black=0)
    return piece


def _all(planes: Planes) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    return planes.luma, planes.u, planes.v


def _grid(step: tuple[int, int]) -> Matrix:
    """3 x 3 from sample numbers (the first is 0) to pixels of the frame."""
    across, down = step
    return np.array([(across, 0, 0.5), (0, down, down / 2), (0, 0, 1.0)])


def _warp(source: NDArray[Any], target: NDArray[Any], matrix: Matrix, *, fill: Fill, black: int) -> None:
    """One plane; `matrix` in sample numbers."""
    if fill == "blur":
        _backdrop(source, target, matrix)
    pixels, left, top = _calmed(source, target, matrix, whole=fill == "mirror")
    moved = matrix @ np.array([(1, 0, left), (0, 1, top), (0, 0, 1.0)])
    size = target.shape[1], target.shape[0]
    # OpenCV's mirror never ends on a picture of one sample.
    border = cv2.BORDER_REPLICATE if fill == "mirror" and min(pixels.shape) < 2 else _BORDERS[fill]
    how: dict[str, Any] = {"flags": cv2.INTER_CUBIC, "borderMode": border, "borderValue": black}
    if np.allclose(moved[2], (0, 0, 1), atol=1e-12):
        cv2.warpAffine(pixels, moved[:2], size, dst=target, **how)
    else:
        cv2.warpPerspective(pixels, moved, size, dst=target, **how)


def _calmed(
    source: NDArray[Any], target: NDArray[Any], matrix: Matrix, *, whole: bool
) -> tuple[NDArray[Any], int, int]:
    """The part of a plane that the warp reads, low-passed where it shrinks, and where that part begins.

    A Gaussian makes up the difference between the resolutions: its width follows the scale without
    steps, so that nothing pops while a face comes nearer.
    """
    shrink = _shrink(matrix, target)
    if shrink < _ALIASES:
        return source, 0, 0
    high, wide = source.shape
    sigma = 0.5 * math.sqrt(shrink**2 - 1)
    left, top, right, bottom = 0, 0, wide, high
    if not whole:
        corners = np.array([(x, y, 1.0) for x in (0, target.shape[1]) for y in (0, target.shape[0])])
        seen = corners @ np.linalg.inv(matrix).T
        seen = seen[:, :2] / seen[:, 2:]
        margin = 4 * sigma + 3
        left, top = np.clip(np.floor(seen.min(0) - margin), 0, (wide - 1, high - 1)).astype(int).tolist()
        right, bottom = np.clip(np.ceil(seen.max(0) + margin), (left + 1, top + 1), (wide, high)).astype(int)
    part = np.ascontiguousarray(source[top:bottom, left:right])
    return cv2.GaussianBlur(part, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), left, top


def _shrink(matrix: Matrix, target: NDArray[Any]) -> float:
    """Source samples per target sample at the target's middle."""
    back = np.linalg.inv(matrix)
    x, y = target.shape[1] / 2, target.shape[0] / 2
    w = back[2] @ (x, y, 1)
    place = (back[:2] @ (x, y, 1)) / w
    jacobian = (back[:2, :2] - np.outer(place, back[2, :2])) / w
    return float(math.sqrt(abs(np.linalg.det(jacobian))))


def _backdrop(source: NDArray[Any], target: NDArray[Any], matrix: Matrix) -> None:
    """The mirrored surroundings, out of focus."""
    high, wide = target.shape
    size = max(2, wide // _BACKDROP), max(2, high // _BACKDROP)
    small = np.array([(size[0] / wide, 0, 0), (0, size[1] / high, 0), (0, 0, 1.0)])
    shrink = max(1.0, _shrink(small @ matrix, np.empty((size[1], size[0]))))
    step = max(1, int(shrink))
    rows = cv2.resize(
        source,
        (max(1, source.shape[1] // step), max(1, source.shape[0] // step)),
        interpolation=cv2.INTER_AREA,
    )
    grow = np.array(
        [(source.shape[1] / rows.shape[1], 0, 0), (0, source.shape[0] / rows.shape[0], 0), (0, 0, 1)]
    )
    patch = cv2.warpPerspective(
        rows,
        small @ matrix @ grow,
        size,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT if min(rows.shape) > 1 else cv2.BORDER_REPLICATE,
    )
    patch = cv2.GaussianBlur(patch, (0, 0), 2.0, borderType=cv2.BORDER_REPLICATE)
    cv2.resize(patch, (wide, high), dst=target, interpolation=cv2.INTER_LINEAR)
