"""Pictures of a run's folder as data URIs: small, made anew, and never from outside the folder."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.vision.resize import resize

_MOST: Final = 32 << 20
"""Bytes of a picture's file that are read."""
_LARGEST: Final = 8192
_QUALITY: Final = 84
_STRONG: Final = 0.75
"""Share of the colour where the map is strongest."""
_OF_TOP: Final = 0.6
"""Of the strongest place; where the map reaches this, a line is drawn around it."""


def picture_uri(folder: Path, name: str, side: int) -> str | None:
    """A picture of the folder, its longest side at most `side` pixels; None where there is none to read."""
    pixels = _read(folder, name, cv2.IMREAD_COLOR)
    return None if pixels is None else _uri(_within(pixels, side))


def overlay_uri(folder: Path, heat: str, face: str | None, side: int) -> str | None:
    """A heat map over the crop that it belongs to, in grey, the strongest places outlined.

    Without the crop the map stands alone. None where the map cannot be read.
    """
    grey = _read(folder, heat, cv2.IMREAD_GRAYSCALE)
    if grey is None:
        return None
    below = _read(folder, face, cv2.IMREAD_GRAYSCALE) if face else None
    shape = (side, side) if below is None else _fit(below.shape, side)
    under = np.zeros(shape[::-1], np.uint8) if below is None else resize(below, shape)
    map_ = cv2.resize(grey, shape, interpolation=cv2.INTER_CUBIC)
    colour = cv2.applyColorMap(map_, cv2.COLORMAP_INFERNO).astype(np.float32)
    share = (map_.astype(np.float32) / 255 * _STRONG)[..., None]
    mixed = cv2.cvtColor(under, cv2.COLOR_GRAY2BGR).astype(np.float32) * (1 - share) + colour * share
    drawn = np.ascontiguousarray(mixed.round().clip(0, 255).astype(np.uint8))
    top = float(map_.max())
    if top >= 16:
        around = (map_ >= _OF_TOP * top).astype(np.uint8)
        lines, _ = cv2.findContours(around, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(drawn, lines, -1, (255, 255, 255), 1)
    return _uri(drawn)


def strongest_place(folder: Path, heat: str) -> str | None:
    """Where a map is strongest, in words."""
    grey = _read(folder, heat, cv2.IMREAD_GRAYSCALE)
    if grey is None or not grey.any():
        return None
    weight = np.where(grey >= _OF_TOP * grey.max(), grey, 0).astype(np.float64)
    high, wide = weight.shape
    y = float((weight.sum(1) * (np.arange(high) + 0.5)).sum() / weight.sum()) / high
    x = float((weight.sum(0) * (np.arange(wide) + 0.5)).sum() / weight.sum()) / wide
    row = "upper" if y < 0.4 else "lower" if y > 0.6 else "middle"
    column = "left" if x < 0.4 else "right" if x > 0.6 else "centre"
    return f"{row} {column}"


def _read(folder: Path, name: str, how: int) -> NDArray[np.uint8] | None:
    root = folder.resolve()
    path = (root / name).resolve()
    if not path.is_relative_to(root) or not path.is_file() or path.stat().st_size > _MOST:
        return None
    try:
        pixels: Any = cv2.imdecode(np.fromfile(path, np.uint8), how)
    except cv2.error:
        return None
    if pixels is None or max(pixels.shape[:2]) > _LARGEST:
        return None
    return np.asarray(pixels, np.uint8)


def _within(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    small: NDArray[np.uint8] = resize(pixels, _fit(pixels.shape, side))
    return small


def _fit(shape: tuple[int, ...], side: int) -> tuple[int, int]:
    """Width and height within a square of `side`; a small picture grows to it."""
    scale = side / max(shape[:2])
    return max(1, round(shape[1] * scale)), max(1, round(shape[0] * scale))


def _uri(pixels: NDArray[np.uint8]) -> str | None:
    done, coded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return "data:image/jpeg;base64," + base64.b64encode(coded.tobytes()).decode() if done else None
