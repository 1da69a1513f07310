"""How one picture lies in another: homographies from matched features.

Protocol: SIFT features on at most `MAX_SIDE` pixels, ratio test at 0.7 (Lowe 2004), RANSAC at 5 px, at least
10 matches that agree; else the homography is missing, and is counted as missing.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

MAX_SIDE: Final = 960
RATIO: Final = 0.7
REPROJECTION_PX: Final = 5.0
LEAST_MATCHES: Final = 10

Matrix = NDArray[np.float64]


class Features(NamedTuple):
    """Points (n x 2, pixels of the full picture, first centre at 0.5) and their descriptors (n x 128)."""

    points: NDArray[np.float32]
    descriptors: NDArray[np.float32]


def features(luma: NDArray[np.uint8], *, most: int = 1500) -> Features:
    """Features of a picture's brightness (H x W uint8); none on a plain one."""
    scale = min(1.0, MAX_SIDE / max(luma.shape))
    small = cv2.resize(luma, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else luma
    detector: Any = cv2.SIFT.create(nfeatures=most)
    keys, rows = detector.detectAndCompute(small, None)
    if rows is None:
        return Features(np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32))
    points = np.array([key.pt for key in keys], np.float32)
    return Features((points + 0.5) / np.float32(scale), rows)


def homography(before: Features, after: Features) -> Matrix | None:
    """3 x 3 from the first's pixels to the second's, bottom right 1; None if too little agrees."""
    if min(len(before.points), len(after.points)) < LEAST_MATCHES:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(before.descriptors, after.descriptors, k=2)
    good = [best for best, second in pairs if best.distance < RATIO * second.distance]
    if len(good) < LEAST_MATCHES:
        return None
    here = before.points[[match.queryIdx for match in good]]
    there = after.points[[match.trainIdx for match in good]]
    cv2.setRNGSeed(0)  # RANSAC draws from OpenCV's generator: the same pictures, the same figures
    found, agree = cv2.findHomography(here, there, cv2.RANSAC, REPROJECTION_PX)
    if found is None or int(agree.sum()) < LEAST_MATCHES or abs(found[2, 2]) < 1e-9:
        return None
    matrix: Matrix = np.asarray(found, np.float64) / found[2, 2]
    return matrix


def affine_at(matrix: Any, at: tuple[float, float] = (0.0, 0.0)) -> Matrix:
    """2 x 2: what a homography does to small steps around a place.

    Published scripts take the matrix's upper left part, which is that at the picture's corner: there a trace
    of perspective from the matching weighs most, and the picture's middle is what is looked at.
    """
    whole = np.asarray(matrix, np.float64)
    weight = whole[2] @ (*at, 1)
    place = whole[:2] @ (*at, 1) / weight
    return np.asarray((whole[:2, :2] - np.outer(place, whole[2, :2])) / weight, np.float64)


def cropping_of(matrix: Any, at: tuple[float, float] = (0.0, 0.0)) -> float:
    """Share of the input's side that is still seen: 1 / sqrt(sx * sy), at most 1.

    Args:
        matrix: 3 x 3 from input to output pixels of the same size; sx and sy are the lengths of the columns
            of its affine part.
        at: pixels, where in the input: its middle. Without perspective it does not matter.
    """
    sx, sy = np.hypot(*affine_at(matrix, at))
    return float(min(1.0, 1.0 / np.sqrt(max(sx * sy, 1e-12))))


def distortion_of(matrix: Any, at: tuple[float, float] = (0.0, 0.0)) -> float:
    """Ratio of the lesser to the greater singular value of the affine part: 1 is a similarity.

    Published scripts take eigenvalues. Those of a picture that is stretched and turned are a complex pair of
    one magnitude, so a stretch would not be seen as soon as the picture turns by some degrees.

    Args:
        matrix: 3 x 3 from input to output pixels.
        at: pixels, where in the input: its middle. Without perspective it does not matter.
    """
    sizes = np.linalg.svd(affine_at(matrix, at), compute_uv=False)
    return float(sizes[1] / sizes[0]) if sizes[0] > 0 else 0.0
