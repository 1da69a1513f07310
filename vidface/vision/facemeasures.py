"""What the parts of a face do, in numbers, from meshes with the head's pose taken off.

Lengths are in inter-ocular distances of the mean face (`MeshModel`), angles in degrees. Nothing here
has a memory: one mesh, one row.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vidface.vision.meshtopology import (
    BROW_LEFT,
    BROW_RIGHT,
    EYE_LEFT,
    EYE_RIGHT,
    IRIS_LEFT,
    IRIS_RIGHT,
    LIPS_INNER,
    LIPS_OUTER,
)
from vidface.vision.rigid import rotations_of

Array = NDArray[np.float64]

GAZE_YAW_DEG: Final = 385.0
"""Degrees that an eye has turned sideways per inter-ocular distance that its iris has moved between the
corners: from people who turn their heads and keep looking at the camera."""
GAZE_PITCH_DEG: Final = 715.0
"""The same up and down. It is larger since the mesh's irises move half as far with pitch as eyes do."""

_LEFT_EYE, _RIGHT_EYE = slice(0, 16), slice(16, 32)
_LEFT_BROW, _RIGHT_BROW = slice(32, 42), slice(42, 52)
_LIPS, _CORNERS = slice(52, 72), slice(72, 74)
_LEFT_IRIS, _RIGHT_IRIS = 74, 75
_POINTS: Final = np.array(
    (
        *(*EYE_LEFT, *EYE_RIGHT, *BROW_LEFT, *BROW_RIGHT, *LIPS_INNER),
        *(LIPS_OUTER[0], LIPS_OUTER[10], IRIS_LEFT[0], IRIS_RIGHT[0]),
    )
)


class Raw(NamedTuple):
    """n float64 each; left and right are the person's own."""

    eye_left: Array
    """Mean distance of five pairs of lid points over the distance of the corners, as in T. Soukupova and
    J. Cech, "Real-time eye blink detection using facial landmarks" (2016), which takes two pairs."""
    eye_right: Array
    mouth_opening: Array
    """Mean distance of the three middle pairs of points of the inner lips."""
    mouth_width: Array
    """Distance of the corners."""
    corner_lift: Array
    """How far the corners lie above the middle of the inner lips."""
    brow_left: Array
    """Mean height of the brow over the line between the eye's corners."""
    brow_right: Array
    iris_x: Array
    """Mean over both eyes of the iris' place to the viewer's right of the middle between the corners."""
    iris_y: Array
    """The same downwards."""
    interocular: Array
    """Distance between the middles of the eyes' corners."""


def measure(points: Any, angles: Any, scales: Any) -> Raw:
    """Measure n faces.

    Args:
        points: n x 478 x 3 pixels, z in the same scale, as in `Meshes`.
        angles: n x 3 degrees, as in `Poses`.
        scales: n pixels per inter-ocular distance of the mean face.

    Returns:
        See `Raw`; NaN in rows where anything is NaN.
    """
    rows = np.asarray(points)[:, _POINTS].astype(np.float64)
    size = np.asarray(scales, np.float64)[:, None, None]
    # R^T p for points as rows is p R. Where the head is does not matter: all that follows are differences.
    face = rows @ rotations_of(angles) / size
    left, right = face[:, _LEFT_EYE], face[:, _RIGHT_EYE]
    lips, corners = face[:, _LIPS], face[:, _CORNERS]
    middles = [(eye[:, 0] + eye[:, 8]) / 2 for eye in (left, right)]
    iris = (face[:, _LEFT_IRIS] - middles[0] + face[:, _RIGHT_IRIS] - middles[1]) / 2
    opening = lips[:, 16:13:-1, 1] - lips[:, 4:7, 1]
    lip_line = (lips[:, 5, 1] + lips[:, 15, 1]) / 2
    return Raw(
        eye_left=_eye_opening(left),
        eye_right=_eye_opening(right),
        mouth_opening=np.maximum(opening.mean(axis=1), 0),
        mouth_width=np.linalg.norm(corners[:, 1] - corners[:, 0], axis=1),
        corner_lift=lip_line - corners[:, :, 1].mean(axis=1),
        brow_left=middles[0][:, 1] - face[:, _LEFT_BROW, 1].mean(axis=1),
        brow_right=middles[1][:, 1] - face[:, _RIGHT_BROW, 1].mean(axis=1),
        iris_x=iris[:, 0],
        iris_y=iris[:, 1],
        interocular=np.linalg.norm(middles[0] - middles[1], axis=1),
    )


def _eye_opening(eye: Array) -> Array:
    """n x 16 x 3 ring of an eye -> n, 0 where the lids touch or cross."""
    width = np.linalg.norm(eye[:, 0, :2] - eye[:, 8, :2], axis=1)
    height = (eye[:, 14:9:-1, 1] - eye[:, 2:7, 1]).mean(axis=1)
    opening: Array = np.maximum(height, 0) / np.maximum(width, 1e-6)
    return opening
