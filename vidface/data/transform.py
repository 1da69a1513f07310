"""Transforms: where the skull of every face of a frame went, as matrices that bring it back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidface.data._arrays import frozen_array


@dataclass(frozen=True, slots=True, eq=False)
class Transforms:
    """One motion a face, aligned row by row with the Faces; NaN where there is none.

    Attributes:
        matrices: n x 4 x 4 float64, take a mesh of the frame (pixels, z alike) to where its track's
            reference lies. Their upper left is a rotation times the scale.
        scales: n float64, that scale: a face that comes nearer is shrunk. 1 for a rigid motion.
    """

    matrices: NDArray[np.float64]
    scales: NDArray[np.float64]

    def __post_init__(self) -> None:
        n = len(self.matrices)
        for name, shape in (("matrices", (None, 4, 4)), ("scales", (n,))):
            array = frozen_array(f"Transforms.{name}", getattr(self, name), dtype=np.float64, shape=shape)
            object.__setattr__(self, name, array)

    def __len__(self) -> int:
        return len(self.matrices)

    @classmethod
    def of(cls, matrices: Any) -> Transforms:
        """From n x 4 x 4 similarities; the scales are read from them."""
        rows = np.asarray(matrices, np.float64).reshape(-1, 4, 4)
        known = np.isfinite(rows).all((1, 2))
        scales = np.full(len(rows), np.nan)
        scales[known] = np.cbrt(np.linalg.det(rows[known][:, :3, :3]))
        return cls(rows, scales)

    @classmethod
    def none(cls, rows: int = 0) -> Transforms:
        """`rows` rows without a motion."""
        return cls(np.full((rows, 4, 4), np.nan), np.full(rows, np.nan))

    @property
    def known(self) -> NDArray[np.bool_]:
        """n bool: there is a motion."""
        known: NDArray[np.bool_] = np.asarray(np.isfinite(self.matrices).all((1, 2)))
        return known
