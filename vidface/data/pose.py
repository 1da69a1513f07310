"""Poses: where the head of every face of a frame points, and where it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.data._arrays import frozen_array

POSE_COLUMNS: Final[tuple[str, ...]] = ("yaw", "pitch", "roll", "x", "y", "scale", "residual")


@dataclass(frozen=True, slots=True, eq=False)
class Poses:
    """Head pose, aligned row by row with the Faces; NaN in rows that were not measured.

    Weak perspective: frame point = scale * (R @ model point)[:2] + (x, y), R = Rz(roll) Ry(yaw) Rx(pitch)
    in the sense of the signs below.

    Attributes:
        angles: n x 3 float32 degrees: yaw (positive when the face turns to the viewer's right), pitch
            (positive when it looks up), roll (positive clockwise as seen).
        positions: n x 2 float32, pixels of the upright frame: where the origin of the mesh model lies.
        scales: n float32, pixels per unit of the mesh model (1 unit = mean inter-ocular distance).
        residuals: n float32, RMS distance of the stable points from the fit, in the model's units.
    """

    angles: NDArray[np.float32]
    positions: NDArray[np.float32]
    scales: NDArray[np.float32]
    residuals: NDArray[np.float32]

    def __post_init__(self) -> None:
        n = len(self.angles)
        for name, shape in (
            ("angles", (None, 3)),
            ("positions", (n, 2)),
            ("scales", (n,)),
            ("residuals", (n,)),
        ):
            array = frozen_array(f"Poses.{name}", getattr(self, name), dtype=np.float32, shape=shape)
            object.__setattr__(self, name, array)

    def __len__(self) -> int:
        return len(self.angles)

    @classmethod
    def none(cls, rows: int = 0) -> Poses:
        """`rows` rows of which none was measured."""
        empty = np.full(rows, np.nan, np.float32)
        return cls(np.stack([empty] * 3, 1), np.stack([empty] * 2, 1), empty, empty)

    def pick(self, rows: Any) -> Poses:
        """The given rows (indices or a mask), in that order."""
        return Poses(self.angles[rows], self.positions[rows], self.scales[rows], self.residuals[rows])

    @property
    def known(self) -> NDArray[np.bool_]:
        """n bool: the row was measured."""
        known: NDArray[np.bool_] = np.asarray(np.isfinite(self.angles).all(1))
        return known

    def columns(self) -> dict[str, NDArray[np.float32]]:
        """Name (`POSE_COLUMNS`) -> n values, for tables."""
        parts = (*self.angles.T, *self.positions.T, self.scales, self.residuals)
        return dict(zip(POSE_COLUMNS, parts, strict=True))
