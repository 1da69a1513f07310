"""How well a face can be seen on a frame: a cheap proxy, no model of quality.

Five parts, each in [0, 1], multiplied:

- size: h / (h + 48) for a face h pixels high: half at 48 px, 0.9 at 430 px.
- score: the detection score.
- frontal: 1 for a face seen from the front, falling to 0 as the nose tip nears an eye's or the
  mouth's side of the face; 0.5 where no landmarks are known.
- inside: share of the box inside the frame, squared.
- sharp: v / (v + 0.02), v the variance of the Laplacian over the variance of the luma, taken on the
  face scaled to 128 px (noise counts as sharp). It alone needs pixels; the product of the other four
  is an upper bound.

An interpolated row is worth 0: nobody saw a face there. The parts rank shots of one person in one
clip; they say nothing of who is recognisable. Measures that do not take noise for detail, and one score
that was held against recognition, are those of recognize.quality (`vidface.vision.facequality`).
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.data.faces import Faces
from vidface.vision.boxes import areas

SHARPNESS_PX: Final = 128
"""Side of the square on which sharpness is measured, so that it does not depend on the face's size."""

_HALF_SIZE_PX = 48
_HALF_SHARP = 0.02
"""Sharp faces at 128 px have 0.03 to 0.13, the same blurred by 1 px (sigma) 0.013, by 2 px 0.005."""
_NOSE_LEVEL = 0.5
"""How far down the nose tip lies between eyes and mouth, 0 to 1, in a face seen from the front."""


class Parts(NamedTuple):
    """The parts of quality that need no pixels: n float64 each, in [0, 1]."""

    size: NDArray[np.float64]
    score: NDArray[np.float64]
    frontal: NDArray[np.float64]
    inside: NDArray[np.float64]
    seen: NDArray[np.float64]
    """0 for interpolated rows, else 1."""

    @property
    def product(self) -> NDArray[np.float64]:
        """n float64: no shot of these faces can be better than this."""
        return self.size * self.score * self.frontal * self.inside * self.seen


def parts_of(faces: Faces, size: tuple[int, int]) -> Parts:
    """The parts for each face on a frame of `size` (width, height)."""
    heights = np.maximum(faces.heights.astype(np.float64), 0)
    within = np.clip(faces.boxes, 0, np.array([*size, *size], np.float32))
    return Parts(
        size=heights / (heights + _HALF_SIZE_PX),
        score=faces.scores.astype(np.float64),
        frontal=frontalness(faces.landmarks),
        inside=(areas(within) / np.maximum(areas(faces.boxes), 1e-6)).astype(np.float64).clip(0, 1) ** 2,
        seen=(~faces.interpolated).astype(np.float64),
    )


def frontalness(landmarks: NDArray[Any]) -> NDArray[np.float64]:
    """n x 5 x 2 landmarks -> n in [0, 1]; 0.5 where they are not known. Roll does not matter.

    From the nose tip's place between the eyes (yaw) and between eyes and mouth (pitch), measured
    along the face's own axes.
    """
    points = np.asarray(landmarks, np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        eyes, mouth = points[:, :2].mean(axis=1), points[:, 3:].mean(axis=1)
        across, down = points[:, 1] - points[:, 0], mouth - eyes
        nose = points[:, 2] - eyes
        # The nose in the skewed axes (across, down): solves nose = s * across + t * down.
        area = _cross(across, down)
        sideways, level = _cross(nose, down) / area, _cross(across, nose) / area
        yaw = np.clip(1 - 2 * np.abs(sideways), 0, 1)
        pitch = np.clip(1 - 2 * np.abs(level - _NOSE_LEVEL), 0, 1)
        both = yaw * pitch
    known = np.isfinite(points).all(axis=(1, 2))
    return np.where(known, np.nan_to_num(both), 0.5)


def sharpness(rgb: NDArray[np.uint8]) -> float:
    """In [0, 1]: variance of the Laplacian over the variance of luma, squashed; 0 for a flat picture.

    Args:
        rgb: h x w x 3 uint8, the face at `SHARPNESS_PX`.
    """
    luma = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    contrast = float(luma.var())
    if contrast < 1:
        return 0.0
    edges = float(cv2.Laplacian(luma, cv2.CV_32F).var()) / contrast
    return edges / (edges + _HALF_SHARP)


def square_crop(box: NDArray[Any], side: int, *, grow: float = 1.0) -> NDArray[np.float64]:
    """2 x 3 matrix that takes the square around a box (`grow` times its longer side) to `side` pixels."""
    x1, y1, x2, y2 = (float(v) for v in box)
    reach = max(x2 - x1, y2 - y1, 1e-3) * grow
    scale = side / reach
    left, top = (x1 + x2 - reach) / 2, (y1 + y2 - reach) / 2
    return np.array([(scale, 0, -left * scale), (0, scale, -top * scale)])


def _cross(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0], np.float64)
