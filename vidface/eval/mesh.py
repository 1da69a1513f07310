"""How well meshes agree: point error, jitter, head pose, and rigid transforms against known ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.data.mesh import POINTS
from vidface.vision import meshtopology as part

REGIONS: Final[Mapping[str, Sequence[int]]] = MappingProxyType(
    {
        "eyes": (*part.EYE_RIGHT, *part.EYE_LEFT),
        "brows": (*part.BROW_RIGHT, *part.BROW_LEFT),
        "lips": (*part.LIPS_OUTER, *part.LIPS_INNER),
        "irises": (*part.IRIS_RIGHT, *part.IRIS_LEFT),
        "oval": tuple(part.FACE_OVAL),
    }
)
_EYES: Final = ((33, 133), (362, 263))
"""Corners of the person's right and left eye."""


def eye_distance(points: Any) -> NDArray[np.float64]:
    """n distances in x and y between the eyes' middles (mean of both corners), pixels."""
    rows = np.asarray(points, np.float64)
    right, left = (rows[:, list(corners), :2].mean(1) for corners in _EYES)
    distance: NDArray[np.float64] = np.hypot(*(right - left).T)
    return distance


def point_errors(found: Any, wanted: Any) -> NDArray[np.float64]:
    """n x 478 distances in x and y over the inter-ocular distance of the reference, percent.

    Args:
        found, wanted: n x 478 x 2 or 3, pixels; rows that are NaN in either come out as NaN.

    Raises:
        ValueError: shapes that do not fit.
    """
    here, there = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
    if here.shape != there.shape or here.ndim != 3 or here.shape[1] != POINTS:
        raise ValueError(f"meshes must both be n x {POINTS} x 3, but are {here.shape} and {there.shape}")
    away = here[..., :2] - there[..., :2]
    errors: NDArray[np.float64] = 100 * np.hypot(away[..., 0], away[..., 1]) / eye_distance(there)[:, None]
    return errors


def error_table(found: Any, wanted: Any) -> dict[str, float]:
    """Mean error of all points and of each region, percent of the inter-ocular distance."""
    errors = point_errors(found, wanted)
    errors = errors[np.isfinite(errors).all(1)]
    if not len(errors):
        return dict.fromkeys(("all", *REGIONS), float("nan"))
    table = {"all": float(errors.mean())}
    return table | {name: float(errors[:, list(index)].mean()) for name, index in REGIONS.items()}


def mesh_jitter(track: Any) -> float:
    """RMS of the second difference in x and y over the inter-ocular distance, percent; NaN if under 3 frames.

    Args:
        track: n x 478 x 3, one mesh a frame; NaN where it was not measured.
    """
    rows = np.asarray(track, np.float64)
    if len(rows) < 3:
        return float("nan")
    second = rows[2:, :, :2] - 2 * rows[1:-1, :, :2] + rows[:-2, :, :2]
    known = np.isfinite(second).all((1, 2))
    if not known.any():
        return float("nan")
    return float(100 * np.sqrt((second[known] ** 2).sum(-1).mean()) / np.nanmedian(eye_distance(rows)))


def angle_errors(found: Any, wanted: Any) -> NDArray[np.float64]:
    """Mean absolute error of yaw, pitch and roll (n x 3 degrees), turned the short way."""
    away = (np.asarray(found, np.float64) - np.asarray(wanted, np.float64) + 180) % 360 - 180
    away = away[np.isfinite(away).all(1)]
    errors: NDArray[np.float64] = np.abs(away).mean(0) if len(away) else np.full(3, np.nan)
    return errors


def transform_errors(found: Any, wanted: Any, *, unit: float) -> tuple[float, float]:
    """Mean rotation error in degrees and translation error in percent of the inter-ocular distance.

    The rotation error is the angle of R_found R_wanted^T; the translation error is how far the two put the
    origin apart.

    Args:
        found, wanted: n x 4 x 4 rigid transforms; NaN rows are left out.
        unit: the inter-ocular distance in the unit of the translations.
    """
    here, there = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
    known = np.isfinite(here).all((1, 2)) & np.isfinite(there).all((1, 2))
    if not known.any():
        return float("nan"), float("nan")
    here, there = here[known], there[known]
    turn = here[:, :3, :3] @ there[:, :3, :3].transpose(0, 2, 1)
    # By sine and cosine: the arc cosine alone is blind to small angles.
    axis = np.stack(
        [turn[:, 2, 1] - turn[:, 1, 2], turn[:, 0, 2] - turn[:, 2, 0], turn[:, 1, 0] - turn[:, 0, 1]]
    )
    angle = np.degrees(np.arctan2(np.linalg.norm(axis, axis=0), np.trace(turn, axis1=1, axis2=2) - 1))
    shift = np.linalg.norm(here[:, :3, 3] - there[:, :3, 3], axis=1)
    return float(angle.mean()), float(100 * shift.mean() / unit)
