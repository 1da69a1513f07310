"""Where each place of a picture was in the picture before: the motion that most of it shares, and its own.

The shared motion is an affine one, fitted to all pixels at once by robust Gauss-Newton steps (direct
alignment; Lucas and Kanade 1981): it is exact to a few hundredths of a pixel where a camera pans. What
moves by itself is followed by DIS optical flow (Kroeger et al., ECCV 2016).
"""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Motion = NDArray[np.float32]
"""h x w x 2: how far away, in pixels of the frame, each place of the present was; at a smaller size."""

_SHRINK: Final = 4
_LEAST_SIDE: Final = 24
"""Motion is looked for at a quarter of the size, where that leaves as many pixels."""
_STEPS: Final = 3
_MARGIN: Final = 8
_TUKEY: Final = 4.685


class MotionFinder:
    """Finds motion between pictures of one size.

    Args:
        shape: H x W of the pictures.
    """

    __slots__ = ("_basis", "_dis", "_shape", "_size")

    def __init__(self, shape: tuple[int, int]) -> None:
        self._shape = shape
        self._size = max(shape[1] // _SHRINK, 1), max(shape[0] // _SHRINK, 1)
        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        y, x = np.mgrid[: self._size[1], : self._size[0]].astype(np.float32)
        self._basis = np.stack([np.ones_like(x), x / self._size[0] - 0.5, y / self._size[1] - 0.5])

    @property
    def possible(self) -> bool:
        """Whether the pictures are large enough."""
        return min(self._size) >= _LEAST_SIDE

    def find(self, now: Plane, before: Plane) -> tuple[Motion, Motion]:
        """The shared motion and each place's own, from two H x W pictures in 8-bit codes."""
        small = [cv2.resize(one, self._size, interpolation=cv2.INTER_AREA) for one in (now, before)]
        codes = [np.clip(np.rint(one), 0, 255).astype(np.uint8) for one in small]
        start = np.zeros((*codes[0].shape, 2), np.float32)
        own = np.asarray(self._dis.calc(codes[0], codes[1], start), np.float32)
        soft = [np.asarray(cv2.GaussianBlur(one, (0, 0), 0.8), np.float32) for one in small]
        shared = self._aligned(soft[0], soft[1], self._fitted(own))
        scale = np.array([self._shape[1 - k] / self._size[k] for k in (0, 1)], np.float32)
        return self._flow(shared) * scale, own * scale

    def _flow(self, affine: NDArray[Any]) -> Motion:
        """3 x 2 factors of 1, x and y as motion at the small size."""
        return np.asarray(np.tensordot(self._basis, affine.astype(np.float32), ((0,), (0,))), np.float32)

    def _fitted(self, flow: Motion) -> NDArray[np.float64]:
        """The affine motion of most of a flow."""
        inner = (slice(4, -4, 4), slice(4, -4, 4))
        basis = self._basis[(slice(None), *inner)].reshape(3, -1).T.astype(np.float64)
        wanted = flow[inner].reshape(-1, 2).astype(np.float64)
        affine = np.zeros((3, 2))
        affine[0] = np.median(wanted, axis=0)
        for _ in range(_STEPS):
            away = np.linalg.norm(wanted - basis @ affine, axis=1)
            weighted = basis * _weights(away, 0.1)[:, None]
            affine = np.linalg.solve(weighted.T @ basis + 1e-3 * np.eye(3), weighted.T @ wanted)
        return affine

    def _aligned(self, now: Plane, before: Plane, affine: NDArray[np.float64]) -> NDArray[np.float64]:
        """An affine motion made exact by what it leaves of the difference between the pictures."""
        inner = (slice(_MARGIN, -_MARGIN, 2), slice(_MARGIN, -_MARGIN, 2))
        basis = self._basis[(slice(None), *inner)].reshape(3, -1)
        for _ in range(_STEPS):
            there = cv2.remap(before, *maps(self._flow(affine), now.shape, (1.0, 1.0)), cv2.INTER_LINEAR)
            across, down = (cv2.Sobel(there, cv2.CV_32F, *way, scale=1 / 8) for way in ((1, 0), (0, 1)))
            rest = (now - there)[inner].ravel()
            slopes = np.concatenate([across[inner].ravel() * basis, down[inner].ravel() * basis]).T
            weighted = slopes * _weights(rest, 0.5)[:, None]
            normal = (weighted.T @ slopes).astype(np.float64)
            ridge = (1e-6 * np.trace(normal) + 1e-6) * np.eye(6)
            step = np.linalg.solve(normal + ridge, (weighted.T @ rest).astype(np.float64))
            affine = affine + step.reshape(2, 3).T
        return affine


def maps(flow: Motion, shape: tuple[int, ...], step: tuple[float, float]) -> tuple[Plane, Plane]:
    """x and y, in samples, of where each sample of a plane was.

    Args:
        flow: in pixels of the frame.
        shape: H x W of the plane.
        step: pixels of the frame per sample, across and down.
    """
    height, width = shape
    whole = np.asarray(cv2.resize(flow, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    x = whole[..., 0] * np.float32(1 / step[0]) + np.arange(width, dtype=np.float32)
    y = whole[..., 1] * np.float32(1 / step[1]) + np.arange(height, dtype=np.float32)[:, None]
    return np.asarray(x, np.float32), np.asarray(y, np.float32)


def _weights(away: NDArray[Any], least: float) -> NDArray[Any]:
    """Tukey's biweight of residuals; `least` is the smallest scale."""
    scale = _TUKEY * max(1.4826 * float(np.median(np.abs(away))), least)
    return np.asarray(np.clip(1 - (away / scale) ** 2, 0, None) ** 2)
