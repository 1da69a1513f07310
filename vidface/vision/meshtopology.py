"""Which of a mesh's 478 points form eyes, brows, lips, nose and the outline of the face.

The numbering is that of MediaPipe's face mesh: Y. Kartynnik et al., "Real-time facial surface geometry
from monocular video on mobile GPUs" (2019); A. Grishchenko et al., "Attention mesh" (2020) adds the irises.
Right and left are the person's own, so the right eye lies left in an upright, unmirrored picture.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

FACE_OVAL: Final[tuple[int, ...]] = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
"""Ring of 36 points around the face, clockwise as seen, from the top of the forehead."""

EYE_RIGHT: Final[tuple[int, ...]] = (
    *(33, 246, 161, 160, 159, 158, 157, 173),
    *(133, 155, 154, 153, 145, 144, 163, 7),
)
"""Ring of 16 points: outer corner, upper lid, inner corner (place 8), lower lid."""

EYE_LEFT: Final[tuple[int, ...]] = (
    *(263, 466, 388, 387, 386, 385, 384, 398),
    *(362, 382, 381, 380, 374, 373, 390, 249),
)
"""As `EYE_RIGHT`, point by point its mirror image."""

BROW_RIGHT: Final[tuple[int, ...]] = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
"""Ring of 10 points: upper edge from the temple to the nose, lower edge back."""

BROW_LEFT: Final[tuple[int, ...]] = (300, 293, 334, 296, 336, 285, 295, 282, 283, 276)
"""As `BROW_RIGHT`, point by point its mirror image."""

LIPS_OUTER: Final[tuple[int, ...]] = (
    *(61, 185, 40, 39, 37, 0, 267, 269, 270, 409),
    *(291, 375, 321, 405, 314, 17, 84, 181, 91, 146),
)
"""Ring of 20 points: right corner, upper lip, left corner (place 10), lower lip."""

LIPS_INNER: Final[tuple[int, ...]] = (
    *(78, 191, 80, 81, 82, 13, 312, 311, 310, 415),
    *(308, 324, 318, 402, 317, 14, 87, 178, 88, 95),
)
"""As `LIPS_OUTER`, around the opening of the mouth."""

NOSE: Final[tuple[int, ...]] = (168, 6, 197, 195, 5, 4, 1, 19, 94, 2)
"""Line from between the eyes over the tip (4 and 1) to the base of the nose."""

NOSTRILS: Final[tuple[int, ...]] = (129, 98, 97, 2, 326, 327, 358)
"""Line along the lower edge of the nose from its right wing to its left one."""

IRIS_RIGHT: Final[tuple[int, ...]] = (468, 469, 470, 471, 472)
"""Centre, then four points of the edge."""

IRIS_LEFT: Final[tuple[int, ...]] = (473, 474, 475, 476, 477)
"""Centre, then four points of the edge."""

NOSE_TIP: Final = 1
"""Of the points on the tip the one nearest to where five-point detectors put it (4 lies a little higher)."""
MOUTH_RIGHT: Final = 61
MOUTH_LEFT: Final = 291


_RINGS: Final = np.array([EYE_RIGHT, EYE_LEFT])
_TIPS: Final = np.array([NOSE_TIP, MOUTH_RIGHT, MOUTH_LEFT])


def five_of_mesh(points: Any) -> NDArray[np.float64]:
    """The five landmarks that detectors give, from a mesh.

    Args:
        points: ... x 478 x 2 or 3; only x and y are read.

    Returns:
        ... x 5 x 2 float64 in the same pixels: left eye, right eye (means of their rings, so that
        gaze does not move them), nose tip, left and right mouth corner in viewer order; NaN stays NaN.
    """
    flat = np.asarray(points, np.float64)[..., :2]
    if flat.shape[-2] != 478:
        raise ValueError(f"a mesh has 478 points, but got {flat.shape[-2]}")
    eyes = flat[..., _RINGS, :].sum(axis=-2) / _RINGS.shape[1]
    return np.concatenate([eyes, flat[..., _TIPS, :]], axis=-2)
