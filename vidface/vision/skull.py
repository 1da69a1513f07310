"""Where the skull of a face lies in the picture: place, size and roll, from landmarks, mesh or pose.

A skull is two complex numbers (a, b): the point z = x + iy of the upright face, in inter-ocular distances
from the middle of the stable points (just below the line of the eyes), lies at a z + b in the frame. So
|a| is the inter-ocular distance that the face would show from the front, and the angle of a its roll.
Turning the head aside moves neither much, which a similarity through the five points would not give.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.data.pose import Poses
from vidface.vision.meshmodel import MeshModel
from vidface.vision.rigid import angles_of, fit_weak_perspective

Complex = NDArray[np.complex128]

FIVE: Final = (
    *((-0.515, -0.158, 0.009), (0.515, -0.158, 0.009), (0.0, 0.485, -0.552)),
    *((-0.406, 0.941, 0.037), (0.406, 0.941, 0.037)),
)
"""The five landmarks of the project's mean face: left and right eye, nose tip, mouth corners."""

_LEAST_PX: Final = 1e-3


def of_landmarks(landmarks: Any) -> tuple[Complex, Complex]:
    """Skulls from five landmarks, by a weak-perspective fit of a mean face.

    Args:
        landmarks: n x 5 x 2, pixels; rows with NaN, or with all points in one, come out as NaN.

    Returns:
        a and b, n complex each.
    """
    rows = np.asarray(landmarks, np.float64).reshape(-1, 5, 2)
    known = np.asarray(np.isfinite(rows).all((1, 2)))
    known[known] = np.ptp(rows[known], axis=1).max(axis=1) > _LEAST_PX
    a, b = _unknown(len(rows))
    if known.any():
        fit = fit_weak_perspective(np.array(FIVE), rows[known]).similarity
        a[known] = fit.scales * np.exp(1j * np.radians(angles_of(fit.rotations)[:, 2]))
        b[known] = fit.shifts[:, 0] + 1j * fit.shifts[:, 1]
    return a, b


def of_meshes(points: Any, model: MeshModel) -> tuple[Complex, Complex]:
    """Skulls from dense meshes, by a robust fit of the mean's stable points.

    Args:
        points: n x 478 x 3, pixels; rows that were not measured come out as NaN.
    """
    rows = np.asarray(points, np.float64)
    known = np.asarray(np.isfinite(rows).all((1, 2)))
    known[known] = np.ptp(rows[known][:, model.stable, :2], axis=1).max(axis=1) > _LEAST_PX
    a, b = _unknown(len(rows))
    if known.any():
        fit = model.place(rows[known]).similarity
        a[known] = fit.scales * np.exp(1j * np.radians(angles_of(fit.rotations)[:, 2]))
        b[known] = fit.shifts[:, 0] + 1j * fit.shifts[:, 1]
    return a, b


def of_poses(poses: Poses) -> tuple[Complex, Complex]:
    """Skulls from head poses; rows that were not measured come out as NaN."""
    columns = [part.astype(np.complex128) for part in (poses.scales, poses.angles[:, 2], *poses.positions.T)]
    scales, rolls, x, y = columns
    return scales * np.exp(1j * np.radians(rolls.real)), x + 1j * y


def _unknown(count: int) -> tuple[Complex, Complex]:
    return np.full(count, np.nan + 0j), np.full(count, np.nan + 0j)


def matrix_of(a: complex, b: complex) -> NDArray[np.float64]:
    """3 x 3 of the similarity z -> a z + b."""
    return np.array([(a.real, -a.imag, b.real), (a.imag, a.real, b.imag), (0.0, 0.0, 1.0)])
