"""Crops: a region of a frame, aligned, as RGB; only the pixels around it are converted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, floor, isfinite
from typing import Any

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from vidface.media.planar import blank_like, plane_views
from vidface.vision.resize import resize

Region = tuple[int, int, int, int]
Fetch = Callable[[Region], NDArray[np.uint8]]


@dataclass(frozen=True, slots=True)
class CropPlan:
    """How a crop is made.

    Attributes:
        region: x1, y1, x2, y2 in stored pixels.
        shrink: whole factor that area-averaging takes before the warp.
    """

    region: Region
    shrink: int

    def warp(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """2 x 3 from the shrunk region to the crop.

        OpenCV puts the centre of the first pixel at (0, 0): half a pixel in, half a pixel out.
        """
        warp = np.empty((2, 3))
        warp[:, :2] = matrix[:, :2] * self.shrink
        x1, y1, _, _ = self.region
        warp[:, 2] = matrix[:, :2] @ (np.array([x1, y1]) + 0.5 * self.shrink) + matrix[:, 2] - 0.5
        return warp


def crop_rgb(
    matrix: NDArray[np.float64], size: tuple[int, int], stored: tuple[int, int], fetch: Fetch
) -> NDArray[np.uint8]:
    """Warp a region into a crop.

    Where the crop is smaller than what it shows, whole factors are averaged away first (the
    bilinear warp alone would skip pixels and alias), and the warp does the rest.

    Args:
        matrix: 2 x 3, stored pixels to crop pixels, pixel centres at (0.5, 0.5) in both.
        size: width and height of the crop.
        stored: width and height of the picture that `fetch` reads.
        fetch: gives a region as H x W x 3 uint8.

    Returns:
        height x width x 3 uint8, a new array; black where the crop reaches outside.
    """
    plan = plan_crop(matrix, size, stored)
    if plan is None:
        return np.zeros((size[1], size[0], 3), np.uint8)
    pixels = fetch(plan.region)
    if plan.shrink > 1:
        high, wide = pixels.shape[0] // plan.shrink, pixels.shape[1] // plan.shrink
        pixels = pixels[: high * plan.shrink, : wide * plan.shrink]
        pixels = resize(pixels, (wide, high))
    crop: NDArray[Any] = cv2.warpAffine(
        pixels,
        plan.warp(matrix),
        size,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=0,
    )
    return crop.astype(np.uint8, copy=False)


def plan_crop(matrix: NDArray[np.float64], size: tuple[int, int], stored: tuple[int, int]) -> CropPlan | None:
    """Which part of the picture a crop needs; None where it shows nothing of it.

    Raises:
        ValueError: the matrix has no inverse or is not finite.
    """
    (a, b, right), (c, d, down) = matrix.tolist()
    determinant = a * d - b * c
    if not all(map(isfinite, (a, b, right, c, d, down))) or abs(determinant) < 1e-12:
        raise ValueError(f"a crop wants an invertible finite 2 x 3 matrix, but got {matrix.tolist()}")
    shrink = max(1, int(abs(determinant) ** -0.5 + 0.5))
    corners = [(x - right, y - down) for x, y in ((0, 0), (size[0], 0), (0, size[1]), size)]
    across = [(d * x - b * y) / determinant for x, y in corners]
    along = [(a * y - c * x) / determinant for x, y in corners]
    # Even bounds keep 4:2:0 chroma where it lies; whole multiples of `shrink` keep its grid at rest
    # while a face moves, so that a still pattern does not flicker.
    grid = 2 * shrink
    x1, y1 = (max(0, floor((min(seen) - grid) / grid) * grid) for seen in (across, along))
    ends = zip((across, along), stored, strict=True)
    x2, y2 = (min(end, ceil((max(seen) + grid) / grid) * grid) for seen, end in ends)
    if x2 - x1 < shrink or y2 - y1 < shrink:
        return _thin((x1, y1, x2, y2), stored)
    return CropPlan((x1, y1, x2, y2), shrink)


def _thin(region: Region, stored: tuple[int, int]) -> CropPlan | None:
    """A sliver at the frame's edge, or a picture smaller than the factor: warp it as it is."""
    x1, y1, x2, y2 = region
    if x1 >= min(x2, stored[0]) or y1 >= min(y2, stored[1]):
        return None
    return CropPlan(region, 1)


def convert_region(frame: VideoFrame, region: Region) -> NDArray[np.uint8]:
    """RGB of one region of a planar YUV frame, as a full conversion would give it.

    `region` must begin on even pixels.
    """
    x1, y1, x2, y2 = region
    part = blank_like(frame, frame.format.name, x2 - x1, y2 - y1)
    for source, target in zip(plane_views(frame), plane_views(part, writable=True), strict=True):
        sx = 1 if source.shape[1] == frame.width else 2
        sy = 1 if source.shape[0] == frame.height else 2
        high, wide = target.shape
        target[...] = source[y1 // sy : y1 // sy + high, x1 // sx : x1 // sx + wide]
    rgb = VideoReformatter().reformat(part, format="rgb24", threads=1)
    return packed_view(rgb)


def packed_view(frame: VideoFrame) -> NDArray[np.uint8]:
    """The pixels of an rgb24, bgr24 or gray frame; a view where lines have no padding, else a copy."""
    plane = frame.planes[0]
    channels = 1 if frame.format.name == "gray" else 3
    shape = (frame.height, frame.width, channels)
    view: NDArray[np.uint8] = np.ndarray(
        shape, np.uint8, buffer=memoryview(plane), strides=(abs(plane.line_size), channels, 1)
    )
    if plane.line_size < 0:
        view = view[::-1]
    return np.ascontiguousarray(view[:, :, 0] if channels == 1 else view)
