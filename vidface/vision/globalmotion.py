"""How the camera moved from one frame to the next, from what is not a face.

Corners (J. Shi and C. Tomasi, "Good features to track", CVPR 1994) are followed by pyramidal Lucas-Kanade,
there and back again, and a similarity or homography is fitted by RANSAC. Faces are left out, since people
move by themselves; of the rest the motion that most of it shares is taken for the camera's.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Model = Literal["similarity", "homography"]
Matrix = NDArray[np.float64]

CORNERS: Final = 300
_LEAST: Final = 10
"""Corners that must agree."""
_AGREE: Final = 0.3
"""Share of the corners that must agree."""
_BACK_PX: Final = 0.5
"""A corner that does not come back to within this is not believed."""
_ERROR_PX: Final = 1.0
"""What agreement means, in pixels of the small picture."""
_GROW: Final = 0.35
"""A face's box is grown by this share of its side: hair, neck."""


class CameraMotion:
    """Follows the background of a stream; `step` takes each frame once, in order.

    Args:
        model: what is fitted.
    """

    def __init__(self, model: Model = "similarity") -> None:
        self._model = model
        self._before: tuple[NDArray[np.uint8], NDArray[np.bool_]] | None = None

    def step(self, small: NDArray[np.uint8], size: tuple[int, int], boxes: Any = ()) -> Matrix | None:
        """The motion since the frame before.

        Args:
            small: h x w brightness of the whole frame at a smaller size.
            size: width and height of the frame.
            boxes: n x 4, faces in pixels of the frame.

        Returns:
            3 x 3 from pixels of the last frame to pixels of this one; None for the first frame, and
            where too little can be followed or too little agrees.
        """
        scale = np.array(size, np.float64) / (small.shape[1], small.shape[0])
        free = _without(small.shape, np.asarray(boxes, np.float64).reshape(-1, 4) / np.tile(scale, 2))
        before, self._before = self._before, (small, free)
        if before is None or before[0].shape != small.shape or min(small.shape) < 16:
            return None
        here, there = _followed(*before, small)
        inside = np.clip(there.astype(int), 0, (small.shape[1] - 1, small.shape[0] - 1))
        kept = free[inside[:, 1], inside[:, 0]]
        here, there = here[kept], there[kept]
        if len(here) < _LEAST:
            return None
        return self._fit((here + 0.5) * scale, (there + 0.5) * scale, _ERROR_PX * float(scale.max()))

    def _fit(self, here: Matrix, there: Matrix, error: float) -> Matrix | None:
        cv2.setRNGSeed(0)  # RANSAC draws from OpenCV's generator: the same pictures, the same motion
        found: Any
        if self._model == "homography":
            found, agree = cv2.findHomography(here, there, cv2.RANSAC, error)
        else:
            found, agree = cv2.estimateAffinePartial2D(
                here, there, method=cv2.RANSAC, ransacReprojThreshold=error, refineIters=20
            )
        if found is None or int(agree.sum()) < max(_LEAST, _AGREE * len(here)):
            return None
        matrix = np.vstack([found, (0, 0, 1)]) if found.shape == (2, 3) else found / found[2, 2]
        return matrix if np.isfinite(matrix).all() and abs(np.linalg.det(matrix)) > 1e-6 else None


def _without(shape: tuple[int, ...], boxes: Matrix) -> NDArray[np.bool_]:
    """h x w, False on faces."""
    free = np.ones(shape, np.bool_)
    for x1, y1, x2, y2 in boxes:
        wide, high = _GROW * (x2 - x1), _GROW * (y2 - y1)
        left, top = max(int(x1 - wide), 0), max(int(y1 - high), 0)
        free[top : max(int(y2 + high), 0), left : max(int(x2 + wide), 0)] = False
    return free


def _followed(
    before: NDArray[np.uint8], free: NDArray[np.bool_], now: NDArray[np.uint8]
) -> tuple[Matrix, Matrix]:
    """Corners of the first picture and where they are in the second, n x 2 each."""
    none = np.zeros((0, 2))
    apart = max(4, before.shape[1] // 50)
    corners: Any = cv2.goodFeaturesToTrack(before, CORNERS, 0.005, apart, mask=free.astype(np.uint8))
    if corners is None:
        return none, none
    window: dict[str, Any] = {"winSize": (15, 15), "maxLevel": 3}
    forth, ok, _ = cv2.calcOpticalFlowPyrLK(before, now, corners, None, **window)  # type: ignore[call-overload]
    back, ok_back, _ = cv2.calcOpticalFlowPyrLK(now, before, forth, None, **window)  # type: ignore[call-overload]
    missed = np.abs(back - corners).reshape(-1, 2).max(axis=1)
    good = (ok.ravel() > 0) & (ok_back.ravel() > 0) & (missed < _BACK_PX)
    return (
        corners.reshape(-1, 2)[good].astype(np.float64),
        forth.reshape(-1, 2)[good].astype(np.float64),
    )


def as_move(matrix: Matrix, size: tuple[int, int]) -> NDArray[np.float64]:
    """What a motion does at the middle of the frame: shift x, shift y, turn (radians), log of the scale.

    Args:
        matrix: 3 x 3 of a similarity or homography near the identity.
        size: width and height of the frame.
    """
    x, y = size[0] / 2, size[1] / 2
    w = matrix[2] @ (x, y, 1)
    place = (matrix[:2] @ (x, y, 1)) / w
    near = (matrix[:2, :2] - np.outer(place, matrix[2, :2])) / w
    factor = complex(near[0, 0] + near[1, 1], near[1, 0] - near[0, 1]) / 2
    return np.array([place[0] - x, place[1] - y, np.angle(factor), np.log(max(abs(factor), 1e-6))])


def of_move(move: Any, size: tuple[int, int]) -> Matrix:
    """The similarity with such a move, 3 x 3: the inverse of `as_move`."""
    dx, dy, turn, grow = (float(v) for v in move)
    c, s = np.exp(grow) * np.cos(turn), np.exp(grow) * np.sin(turn)
    x, y = size[0] / 2, size[1] / 2
    return np.array([(c, -s, x + dx - c * x + s * y), (s, c, y + dy - s * x - c * y), (0, 0, 1.0)])
