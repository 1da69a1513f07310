"""Implicit keypoints of a face as LivePortrait and face-vid2vid have them: points of a person, moved.

x = s (c R + d) + t: the person's own points c, turned by R, bent by the expression d, scaled and shifted
(T.-C. Wang et al., "One-shot free-view neural talking-head synthesis for video conferencing" (CVPR 2021);
J. Guo et al., "LivePortrait" (2024)). Angles are those of these papers' networks, not of `Poses`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from vidface.data._arrays import frozen_array

Array = NDArray[np.float64]
POINTS: Final = 21
BINS: Final = 66
_STEP_DEG, _LEAST_DEG = 3.0, 97.5
LIP_POINTS: Final = (6, 12, 14, 17, 19, 20)
"""Points that LivePortrait's authors found to move the lips."""

Region = Literal["all", "expression", "pose", "lips"]


@dataclass(frozen=True, slots=True, eq=False)
class PointMotion:
    """What such a network reads from one picture.

    Attributes:
        points: 21 x 3, the person's own. rotation: 3 x 3, multiplied from the right.
        expression: 21 x 3. scale: float. shift: 3, of which the third is not used.
    """

    points: Array
    rotation: Array
    expression: Array
    scale: float
    shift: Array

    def __post_init__(self) -> None:
        for name, shape in (
            ("points", (POINTS, 3)),
            ("rotation", (3, 3)),
            ("expression", (POINTS, 3)),
            ("shift", (3,)),
        ):
            array = frozen_array(f"PointMotion.{name}", getattr(self, name), dtype=np.float64, shape=shape)
            object.__setattr__(self, name, array)

    def placed(self) -> Array:
        """21 x 3, where the points lie."""
        return np.asarray(
            self.scale * (self.points @ self.rotation + self.expression) + self.shift * (1, 1, 0)
        )


def angle_of(values: Any) -> float:
    """Degrees, from 66 bins (probabilities, or numbers whose softmax they are) or from one number of degrees.

    Raises:
        ValueError: neither 66 numbers nor one.
    """
    row = np.asarray(values, np.float64).reshape(-1)
    if row.size == 1:
        return float(row[0])
    if row.size != BINS:
        raise ValueError(f"an angle comes as {BINS} bins or as one number, but got {row.size}")
    share = row
    if row.min() < 0 or abs(row.sum() - 1) > 1e-3:
        share = np.exp(row - row.max())
    return float(share @ np.arange(BINS) / share.sum() * _STEP_DEG - _LEAST_DEG)


def rotation_of(pitch: float, yaw: float, roll: float) -> Array:
    """3 x 3 for rows from the right: (Rz Ry Rx) transposed, right-handed, degrees."""
    (cx, cy, cz), (sx, sy, sz) = (of(np.radians([pitch, yaw, roll])) for of in (np.cos, np.sin))
    about_x = np.array([(1, 0, 0), (0, cx, -sx), (0, sx, cx)])
    about_y = np.array([(cy, 0, sy), (0, 1, 0), (-sy, 0, cy)])
    about_z = np.array([(cz, -sz, 0), (sz, cz, 0), (0, 0, 1)])
    return np.asarray((about_z @ about_y @ about_x).T)


def driven(
    source: PointMotion, driver: PointMotion, first: PointMotion | None, *, region: Region = "all"
) -> PointMotion:
    """The source's points with the driver's motion.

    Args:
        first: the driver where its motion began, against which it counts; None takes it as it is.
        region: what is taken over; the rest stays the source's.
    """
    if first is None:
        turn, way, grown = driver.rotation, driver.shift, source.scale
        bent = driver.expression
    else:
        # In this order in LivePortrait's own tool, whose users know how it looks.
        turn = driver.rotation @ first.rotation.T @ source.rotation
        way = source.shift + driver.shift - first.shift
        grown = source.scale * driver.scale / first.scale
        bent = source.expression + driver.expression - first.expression
    if region == "lips":
        lips = source.expression.copy()
        lips[list(LIP_POINTS)] = bent[list(LIP_POINTS)]
        return replace(source, expression=lips)
    if region == "expression":
        return replace(source, expression=bent)
    if region == "pose":
        return replace(source, rotation=turn, scale=grown, shift=way)
    return replace(source, rotation=turn, expression=bent, scale=grown, shift=way)
