"""Where a mesh network looks: an upright square around a face, 1.5 times as wide as its mesh reaches.

The crop follows from the last mesh, from five landmarks, or, where nothing else is known, from a
box; all three give nearly the same square. The constants were fitted to 833 faces (portraits and
video, turned up to profile) with detections of vidface-facedet and meshes of MediaPipe: against the
crop from the mesh the one from landmarks is off by 2 % of the face's extent (95 %: 5 %) in place and
5 % (95 %: 10 %) in size.

Points are pixels of the upright frame, the centre of the top-left pixel at (0.5, 0.5).
"""

from __future__ import annotations

from math import hypot, isfinite
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.vision.facecrop import scale_of
from vidface.vision.meshtopology import five_of_mesh

Matrix = NDArray[np.float64]
"""2 x 3, from frame pixels to crop pixels."""

GROW: Final = 1.5
"""Side of the crop over the longer side of the mesh's extent."""

_EXTENT_OF_FIVE: Final = 1.855
"""Longer side of the extent over the hypotenuse of eye distance and eye-mouth distance: as a head turns,
the first falls and the second stays; as it nods, the other way round."""
_NOSE_SHIFT: Final = 1.28
"""The nose leads where the face turns; the middle of the mesh lies so many times as far the other way."""
_BOX_INSET: Final = np.array([0.018, -0.115, -0.018, -0.009])
"""Detector's box less extent of the mesh, in widths and heights of the extent: it reaches up to the hair."""
_SMALLEST_PX: Final = 1.0


def crop_of_mesh(points: Any, size: int) -> Matrix:
    """The crop around a mesh: 478 x 2 or 3 points -> matrix to a crop of `size` x `size` pixels.

    Raises:
        ValueError: a point is not finite, or they span less than a pixel.
    """
    flat = np.asarray(points, np.float64)[:, :2]
    right = _right(five_of_mesh(flat))
    low, high = _extent(flat @ _turn(right).T)
    return _square((low + high) / 2 @ _turn(right), right, float((high - low).max()), size)


def crop_of_landmarks(landmarks: Any, size: int) -> Matrix:
    """The crop around five landmarks in viewer order (5 x 2 points).

    Raises:
        ValueError: a point is not finite, or they span less than a pixel.
    """
    five = np.asarray(landmarks, np.float64).reshape(5, 2)
    right = _right(five)
    turned = five @ _turn(right).T
    eyes, mouth = turned[:2].mean(axis=0), turned[3:].mean(axis=0)
    middle = (eyes + mouth) / 2
    centre = middle - (_NOSE_SHIFT * (turned[2, 0] - middle[0]), 0)
    reach = float(np.hypot(turned[1, 0] - turned[0, 0], mouth[1] - eyes[1]))
    return _square(centre @ _turn(right), right, _EXTENT_OF_FIVE * reach, size)


def crop_of_box(box: Any, size: int) -> Matrix:
    """The crop around a detector's box x1 y1 x2 y2, taken to be upright.

    Raises:
        ValueError: a number is not finite, or the box is less than a pixel wide and high.
    """
    x1, y1, x2, y2 = np.asarray(box, np.float64).tolist()
    left, top, right, bottom = _BOX_INSET.tolist()
    width, height = (x2 - x1) / (1 + right - left), (y2 - y1) / (1 + bottom - top)
    corner = np.array([x1 - left * width, y1 - top * height])
    centre = corner + np.array([width, height]) / 2
    return _square(centre, np.array([1.0, 0.0]), max(width, height), size)


def box_of_mesh(points: Any) -> NDArray[np.float64]:
    """Boxes as a detector would draw them around meshes: ... x 478 x 2 or 3 -> ... x 4, x1 y1 x2 y2."""
    low, high = _extent(np.asarray(points, np.float64))
    sides = high - low
    boxes = np.concatenate([low, high], axis=-1) + np.concatenate([sides, sides], axis=-1) * _BOX_INSET
    return np.asarray(boxes)


def apart(one: Matrix, other: Matrix, size: int) -> float:
    """How far two crops of `size` x `size` pixels differ: the largest way of a corner, over the side."""
    # From the first crop to the second; what that does to the corners but for leaving them where they are.
    linear = other[:, :2] @ _inverse(one[:, :2])
    (a, b), (c, d) = (linear - np.eye(2)).tolist()
    x, y = (other[:, 2] - linear @ one[:, 2]).tolist()
    ways = ((x, y), (x + a * size, y + c * size), (x + b * size, y + d * size))
    return max(*(hypot(*way) for way in ways), hypot(x + (a + b) * size, y + (c + d) * size)) / size


def to_frame(points: Any, matrices: Any) -> NDArray[np.float64]:
    """Points of crops back in the frame; z is scaled along.

    Args:
        points: n x k x 3 in pixels of the crops.
        matrices: n x 2 x 3, from frame to crop, similarities.
    """
    crops, ways = np.asarray(points, np.float64), np.asarray(matrices, np.float64)
    linear = ways[:, :, :2]
    flat = (crops[..., :2] - ways[:, None, :, 2]) @ _inverse(linear).transpose(0, 2, 1)
    depth = crops[..., 2:] / np.sqrt(np.abs(_determinant(linear)))[:, None, None]
    return np.concatenate([flat, depth], axis=-1)


def to_crop(points: Any, matrix: Any) -> NDArray[np.float32]:
    """Points of a frame through one similarity; z is scaled along.

    Args:
        points: ... x k x 3 in pixels of the frame.
        matrix: 2 x 3, from frame to crop.
    """
    here, way = np.asarray(points, np.float64), np.asarray(matrix, np.float64)
    flat = here[..., :2] @ way[:, :2].T + way[:, 2]
    return np.concatenate([flat, here[..., 2:] * scale_of(way)], axis=-1).astype(np.float32)


def _determinant(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of ... x 2 x 2, without the price of NumPy's general way."""
    return np.asarray(linear[..., 0, 0] * linear[..., 1, 1] - linear[..., 0, 1] * linear[..., 1, 0])


def _inverse(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of ... x 2 x 2 that are similarities of a size above 0."""
    turned = np.empty_like(linear)
    turned[..., 0, 0], turned[..., 1, 1] = linear[..., 1, 1], linear[..., 0, 0]
    turned[..., 0, 1], turned[..., 1, 0] = -linear[..., 0, 1], -linear[..., 1, 0]
    return np.asarray(turned / _determinant(linear)[..., None, None])


def _extent(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Least and greatest x y of ... x k x 2 or 3 points; both at once would take NumPy ten times as long."""
    columns = [points[..., axis] for axis in (0, 1)]
    low = np.array([column.min(axis=-1) for column in columns])
    high = np.array([column.max(axis=-1) for column in columns])
    return low.T, high.T


def _right(five: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit vector to the face's right as seen: along the eyes, and across the line from eyes to mouth.

    The second counts the more, the closer the eyes come to each other in a face that turns away.
    """
    (lx, ly), (rx, ry), _, (ml, mt), (mr, mb) = five.tolist()
    down_x, down_y = (ml + mr) / 2 - (lx + rx) / 2, (mt + mb) / 2 - (ly + ry) / 2
    across, down = rx - lx + down_y, ry - ly - down_x
    length = hypot(across, down)
    if not isfinite(length + five[2, 0] + five[2, 1]) or length < _SMALLEST_PX:
        raise ValueError("a crop needs finite landmarks that differ by more than a pixel")
    return np.array([across / length, down / length])


def _turn(right: NDArray[np.float64]) -> NDArray[np.float64]:
    """2 x 2, frame to upright: its rows are the face's right and down."""
    return np.array([right, (-right[1], right[0])])


def _square(centre: NDArray[np.float64], right: NDArray[np.float64], extent: float, size: int) -> Matrix:
    if not (np.isfinite(centre).all() and extent >= _SMALLEST_PX):
        raise ValueError(
            f"a crop needs a finite face of a pixel or more, but it is {extent:.3g} pixels large"
        )
    linear = _turn(right) * (size / (GROW * extent))
    return np.column_stack([linear, size / 2 - linear @ centre])
