"""A picture made anew written into the planes of a frame."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.data.planes import Planes
from vidface.vision.yuvcodes import spans_of, yuv_of_rgb, zeros_of


def fill_planes(planes: Planes, rgb: NDArray[np.uint8], *, left: int = 0, top: int = 0) -> None:
    """Write an RGB picture, or a piece of one, in place, with the planes' own matrix, range and depth.

    Chroma lies where H.264 has it: on every other column of pixels, between two rows. It is the mean of
    what is around it (1 2 1 across, two rows down).

    Args:
        planes: writable.
        rgb: h x w x 3, 0..255.
        left, top: where its first pixel lies, on the chroma grid.

    Raises:
        ValueError: the piece reaches beyond the planes, or begins off the chroma grid.
    """
    high, wide = rgb.shape[:2]
    across, down = planes.subsampling
    if left % across or top % down or left + wide > planes.size[0] or top + high > planes.size[1]:
        raise ValueError(f"a piece of {wide} x {high} at {left}, {top} does not fit {planes.size}")
    most, (black, grey, _) = (1 << planes.bits) - 1, zeros_of(planes)
    rows = yuv_of_rgb(planes.matrix) * np.array(spans_of(planes))[:, None] / 255
    codes: Any = cv2.transform(rgb.astype(np.float32), rows)
    planes.luma[top : top + high, left : left + wide] = _rounded(codes[..., 0] + black, most, planes.luma)
    for plane, sheet in ((planes.u, codes[..., 1]), (planes.v, codes[..., 2])):
        small = _shrunk(sheet, across, down) + grey
        y, x = top // down, left // across
        plane[y : y + small.shape[0], x : x + small.shape[1]] = _rounded(small, most, plane)


def _shrunk(sheet: NDArray[Any], across: int, down: int) -> NDArray[Any]:
    if across > 1:
        sheet = cv2.sepFilter2D(
            sheet, -1, np.array([0.25, 0.5, 0.25]), np.array([1.0]), borderType=cv2.BORDER_REPLICATE
        )[:, ::across]
    if down > 1:
        below = np.concatenate([sheet[1::2], sheet[-1:]])[: -(-len(sheet) // 2)]
        sheet = (sheet[::2] + below) / 2
    return sheet


def _rounded(values: NDArray[Any], most: int, like: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(np.clip(np.rint(values), 0, most), like.dtype)
