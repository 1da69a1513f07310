"""A face drawn with OpenCV, its landmarks on the arcface112 template: a picture of known quality."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.vision.align import TEMPLATES

POINTS = TEMPLATES["arcface112"].points
_FINE = 8


def drawn_face(side: int = 112) -> NDArray[np.uint8]:
    """side x side grey levels: shaded skin, brows, eyes, nose and mouth, drawn large and shrunk by area."""
    big = 112 * _FINE
    y, x = np.mgrid[:big, :big] / _FINE
    picture = (165 - 0.012 * ((x - 56) ** 2 + (y - 60) ** 2)).astype(np.float32)
    for eye_x, eye_y in POINTS[:2]:
        _ellipse(picture, (eye_x, eye_y - 9), (10, 2), 50)
        _ellipse(picture, (eye_x, eye_y), (8, 4), 215)
        _ellipse(picture, (eye_x, eye_y), (3.5, 3.5), 35)
    nose_x, nose_y = POINTS[2]
    for across in (-4, 4):
        _ellipse(picture, (nose_x + across, nose_y + 3), (2.5, 1.5), 70)
    mouth_x, mouth_y = POINTS[3:].mean(axis=0)
    _ellipse(picture, (mouth_x, mouth_y), (15, 5), 110)
    _ellipse(picture, (mouth_x, mouth_y), (13, 1), 50)
    size = (side, side)
    return np.asarray(np.rint(cv2.resize(picture, size, interpolation=cv2.INTER_AREA)), np.uint8)


def blurred(grey: NDArray[Any], sigma: float) -> NDArray[np.float32]:
    """Out of focus by a Gaussian of `sigma` pixels."""
    return np.asarray(cv2.GaussianBlur(grey.astype(np.float32), (0, 0), sigma), np.float32)


def noisy(grey: NDArray[Any], sigma: float, seed: int = 3) -> NDArray[np.uint8]:
    """With white noise of `sigma` grey levels."""
    noise = np.random.default_rng(seed).normal(0, sigma, grey.shape)
    return np.asarray(np.clip(np.rint(grey + noise), 0, 255), np.uint8)


def _ellipse(
    picture: NDArray[np.float32], middle: tuple[float, float], axes: tuple[float, float], grey: float
) -> None:
    """Fill an ellipse; numbers in pixels of the template."""
    x, y, a, b = (round(value * _FINE) for value in (*middle, *axes))
    cv2.ellipse(picture, (x, y), (a, b), 0, 0, 360, grey, -1)
