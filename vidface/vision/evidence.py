"""Consistency of a restored face with what was observed: shrunk again, it must be the same picture.

The test is the downscaling test of S. Menon et al., "PULSE: Self-Supervised Photo Upsampling via Latent
Space Exploration of Generative Models" (CVPR 2020); the way there is the iterative back-projection of
M. Irani and S. Peleg, "Improving resolution by image registration" (CVGIP 1991).

Pictures are RGB in levels of 0..255; the centre of a first pixel lies at (0.5, 0.5).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.data.frame import Frame
from vidface.vision.warpframe import as_3x3

Picture = NDArray[np.float32]
"""h x w x 3, or h x w."""
Matrix = NDArray[np.float64]

_PIXEL: Final = 1 / 12
"""Variance of a pixel's own width: a sensor's or an area average's box."""
_CLOSE: Final = 0.25
"""Grey levels beyond the tolerance that are not worth another round."""
_HALF: Final = np.array([(1, 0, 0.5), (0, 1, 0.5), (0, 0, 1.0)])
_HALF.setflags(write=False)


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """A face as it was observed.

    Attributes:
        observed: h x w x 3 float32, pixels as fine as the frame's or, where those are finer than the
            crop's, about as fine as the crop's.
        matrix: 2 x 3, pixels of `observed` to pixels of the crop.
        valid: h x w bool, where there was a picture.
        blur_sigma: how far the observation is blurred beyond its pixels' own width, in its pixels.
    """

    observed: Picture
    matrix: Matrix
    valid: NDArray[np.bool_]
    blur_sigma: float = 0.0

    def __post_init__(self) -> None:
        shape = self.observed.shape
        if len(shape) != 3 or shape[2] != 3 or self.valid.shape != shape[:2]:
            raise ValueError(
                "evidence wants h x w x 3 of picture and h x w of what is valid, but got "
                f"{shape} and {self.valid.shape}"
            )
        if not 0 <= self.blur_sigma < 1000:
            raise ValueError(f"Evidence.blur_sigma must be 0 or more, but is {self.blur_sigma}")
        as_3x3(self.matrix)

    @property
    def scale(self) -> float:
        """Crop pixels a pixel of the observation."""
        return math.sqrt(abs(float(np.linalg.det(self.matrix[:, :2]))))


class Residual(NamedTuple):
    """Root mean square difference from the observation in grey levels, before and after."""

    before: float
    after: float


def evidence_of(frame: Frame, matrix: Any, size: int, *, blur_sigma: float = 0.0) -> Evidence:
    """What a frame shows of a crop of `size` x `size` pixels, upright as the frame and as fine.

    Where the frame is finer than the crop, it is shrunk to be as fine as that.

    Args:
        matrix: 2 x 3, frame to crop.

    Raises:
        ValueError: the matrix has no inverse.
    """
    way = as_3x3(matrix)
    corners = np.array([(0.0, 0, 1), (size, 0, 1), (0, size, 1), (size, size, 1)])
    seen = (corners @ np.linalg.inv(way).T)[:, :2]
    low, high = np.floor(seen.min(axis=0)), np.ceil(seen.max(axis=0))
    fine = min(1.0, math.sqrt(abs(float(np.linalg.det(way[:2, :2])))))
    to_view = np.array([(fine, 0, -low[0] * fine), (0, fine, -low[1] * fine), (0, 0, 1.0)])
    wide, tall = np.maximum(1, np.ceil((high - low) * fine)).astype(int).tolist()
    observed = frame.crop(to_view[:2], (wide, tall)).astype(np.float32)
    x = (np.arange(wide) + 0.5) / fine + low[0]
    y = (np.arange(tall) + 0.5) / fine + low[1]
    # Bilinear samples near the frame's edge are mixed with the black outside.
    edge = 0.5 / fine
    columns, rows = ((v >= edge) & (v <= end - edge) for v, end in zip((x, y), frame.size, strict=True))
    return Evidence(observed, (way @ np.linalg.inv(to_view))[:2], rows[:, None] & columns, blur_sigma)


def with_fitted_blur(restored: Any, evidence: Evidence, *, most: float = 4.0) -> Evidence:
    """The evidence with the blur at which a restored crop, shrunk, is as rich in details as it.

    How blurred a face was observed is not known beforehand. Held to too little blur, a restored face would
    be blurred again; held to too much, it would be sharpened until it rings. Likeness of details alone
    decides, since a picture that lies elsewhere is nearest where it is blurred most; but never much more
    blur than brings it nearest, since noise adds details and a crop may hold less than was seen.

    Args:
        restored: h x w x 3 RGB in 0..255.
        most: largest sigma that is tried, pixels of the observation.
    """
    crop, seen = (np.mean(np.asarray(one, np.float32), axis=2) for one in (restored, evidence.observed))
    sigmas = most * np.array((0.0, 0.1, 0.18, 0.28, 0.42, 0.65, 1.0))
    cameras = [_Camera(replace(evidence, blur_sigma=float(sigma)), crop.shape[:2]) for sigma in sigmas]
    valid = _inner(cameras[0].valid)
    if not valid.any():
        return evidence
    looks = [camera.see(crop) for camera in cameras]
    error = [_rms(seen - look, valid) for look in looks]
    detail = np.log([_rms(_details(look), valid) + 1e-3 for look in looks])
    # Details fade as the blur grows, so that the table read backwards rises.
    goal = math.log(_rms(_details(seen), valid) + 1e-3)
    alike = float(np.interp(goal, detail[::-1], sigmas[::-1]))
    nearest = min(int(np.argmin(error)) + 1, len(sigmas) - 1)
    return replace(evidence, blur_sigma=min(alike, float(sigmas[nearest])))


def _details(picture: Picture) -> Picture:
    """What is about as wide as two pixels to five: wider than most noise, finer than shades."""
    fine = cv2.GaussianBlur(picture, (0, 0), 0.7, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(fine - cv2.GaussianBlur(picture, (0, 0), 2.0, borderType=cv2.BORDER_REPLICATE))


def _inner(valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What lies three pixels inside, out of reach of what is not valid; all where that leaves little."""
    framed = np.pad(valid, 1).astype(np.uint8)
    inner = cv2.erode(framed, np.ones((7, 7), np.uint8))[1:-1, 1:-1] > 0
    return np.asarray(inner if inner.sum() >= 64 else valid)


def _rms(picture: Picture, valid: NDArray[np.bool_]) -> float:
    part = picture[valid]
    return float(np.sqrt(np.mean(part * part)))


def shrunk(restored: Any, evidence: Evidence) -> Picture:
    """A crop as the camera would have seen it: blurred and sampled at the observation's pixels."""
    return _Camera(evidence, np.shape(restored)[:2]).see(np.asarray(restored, np.float32))


def residual_of(restored: Any, evidence: Evidence) -> float:
    """Root mean square difference, in grey levels, of a shrunk crop and the observation; NaN without any."""
    camera = _Camera(evidence, np.shape(restored)[:2])
    return camera.rms(evidence.observed - camera.see(np.asarray(restored, np.float32)))


def consistent(
    restored: Any, evidence: Evidence, *, tolerance: float = 2.0, rounds: int = 8
) -> tuple[Picture, Residual]:
    """The crop next to a restored one that, shrunk, is the observation, to `tolerance` at each pixel.

    Differences up to the tolerance count as noise and stay. What is finer than the observation's pixels
    stays as restored.

    Args:
        restored: h x w x 3 RGB in 0..255.
        evidence: see `evidence_of`.
        tolerance: grey levels.
        rounds: steps of back-projection; each takes off about half of what is left.

    Returns:
        The crop, float32, within 0..255, and the residual before and after.
    """
    crop = np.array(restored, np.float32)
    camera = _Camera(evidence, crop.shape[:2])
    error = evidence.observed - camera.see(crop)
    before = camera.rms(error)
    for _ in range(rounds):
        wrong = error - np.clip(error, -tolerance, tolerance)
        wrong[~camera.valid] = 0
        if not np.any(np.abs(wrong) > _CLOSE):
            break
        crop += camera.back(wrong)
        np.clip(crop, 0, 255, out=crop)
        error = evidence.observed - camera.see(crop)
    return crop, Residual(before, camera.rms(error))


class _Camera:
    """From the crop to the observation's pixels and back."""

    def __init__(self, evidence: Evidence, size: tuple[int, ...]) -> None:
        high, wide = size
        self._size = (wide, high)
        # Back through the blur once more, as in the transpose: what it took away is not invented.
        self._blur = evidence.blur_sigma
        self._seen = evidence.observed.shape[1], evidence.observed.shape[0]
        scale = evidence.scale
        # An area average first takes away what no pixel of the observation could tell.
        self._step = min(2 ** int(math.log2(max(1.0, scale / 2))), wide, high)
        variance = (evidence.blur_sigma**2 + _PIXEL) * scale**2 - self._step**2 * _PIXEL
        # What interpolation blurs by itself, where the observation is about as fine as the crop.
        self._sigma = math.sqrt(max(0.0, variance - 0.1)) / self._step
        half = self._step / 2
        small = np.array([(self._step, 0, half), (0, self._step, half), (0, 0, 1.0)])
        way = as_3x3(evidence.matrix)
        self._see = (np.linalg.inv(_HALF) @ np.linalg.inv(way) @ small)[:2]
        self._back = (np.linalg.inv(_HALF) @ way @ _HALF)[:2]
        self.valid = evidence.valid & self._within(way, evidence.valid.shape)

    def see(self, crop: Picture) -> Picture:
        if self._step > 1:
            size = self._size[0] // self._step, self._size[1] // self._step
            crop = np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_AREA), np.float32)
        if self._sigma > 0.2:
            crop = np.asarray(
                cv2.GaussianBlur(crop, (0, 0), self._sigma, borderType=cv2.BORDER_REPLICATE), np.float32
            )
        return _warp(crop, self._see, self._seen, border=cv2.BORDER_REPLICATE)

    def back(self, wrong: Picture) -> Picture:
        if self._blur > 0.2:
            wrong = np.asarray(
                cv2.GaussianBlur(wrong, (0, 0), self._blur, borderType=cv2.BORDER_REPLICATE), np.float32
            )
        return _warp(wrong, self._back, self._size, border=cv2.BORDER_CONSTANT)

    def rms(self, error: Picture) -> float:
        return _rms(error, self.valid) if self.valid.any() else math.nan

    def _within(self, way: Matrix, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """Pixels of the observation that lie inside the crop with all of their width."""
        x, y = np.arange(shape[1]) + 0.5, np.arange(shape[0]) + 0.5
        reach = 0.5 * float(np.abs(way[0, :2]).sum())
        across = way[0, 0] * x[None] + way[0, 1] * y[:, None] + way[0, 2]
        down = way[1, 0] * x[None] + way[1, 1] * y[:, None] + way[1, 2]
        wide, high = self._size
        return np.asarray(
            (across >= reach) & (across <= wide - reach) & (down >= reach) & (down <= high - reach)
        )


def _warp(picture: Picture, matrix: Matrix, size: tuple[int, int], *, border: int) -> Picture:
    """Bicubic; `matrix` in sample numbers."""
    return np.asarray(
        cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_CUBIC, borderMode=border), np.float32
    )
