"""Motions: how every face of a frame moves, independent of who it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.data._arrays import frozen_array

_NONE: Final = np.zeros(0, np.float32)


def _three() -> NDArray[np.float32]:
    return np.zeros(3, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """How one face moves on one frame: turn, way, size, expression and gaze, without its identity.

    Facing the viewer at the rest place, with a neutral face, is all zeros and scale 1.

    Attributes:
        rotation: 3 float32, rotation vector (axis times radians) of the skull against facing the viewer,
            in the axes of `Meshes` (x right, y down, z away): the matrix R of `Poses`. A small turn is
            (-pitch, -yaw, roll) in the signs of `Poses`.
        shift: 3 float32, inter-ocular distances of the face itself: how far right, down and away the
            skull lies from its rest place in the picture.
        scale: above 0, size in the picture against the rest place.
        expression: m float32, coefficients of the mesh model's first m expression vectors.
        gaze: 2 x 2 float32, of the left and of the right iris (as seen): how far right and down of the
            middle of the eye's corners, in eye widths, as the face's own axes go.
        valid: the face was measured; False leaves everything at rest.
        neutral: m float32, the same driver's expression in its reference, as the driver was known on this
            frame; none where nobody says. What differs from it holds for all frames alike.
    """

    rotation: NDArray[np.float32] = field(default_factory=_three)
    shift: NDArray[np.float32] = field(default_factory=_three)
    scale: float = 1.0
    expression: NDArray[np.float32] = field(default_factory=lambda: _NONE)
    gaze: NDArray[np.float32] = field(default_factory=lambda: np.zeros((2, 2), np.float32))
    valid: bool = True
    neutral: NDArray[np.float32] = field(default_factory=lambda: _NONE)

    def __post_init__(self) -> None:
        shapes: tuple[tuple[str, tuple[int | None, ...]], ...] = (
            ("rotation", (3,)),
            ("shift", (3,)),
            ("expression", (None,)),
            ("gaze", (2, 2)),
            ("neutral", (None,)),
        )
        for name, shape in shapes:
            array = frozen_array(f"Motion.{name}", getattr(self, name), dtype=np.float32, shape=shape)
            object.__setattr__(self, name, array)
            if not np.isfinite(array).all():
                raise ValueError(f"Motion.{name} must be finite, but holds NaN or infinity")
        if not (np.isfinite(self.scale) and self.scale > 0):
            raise ValueError(f"Motion.scale must be above 0, but is {self.scale}")

    @classmethod
    def none(cls, size: int = 0) -> Motion:
        """At rest and not valid, with `size` expression coefficients."""
        return cls(expression=np.zeros(size, np.float32), valid=False)


@dataclass(frozen=True, slots=True, eq=False)
class Motions:
    """One Motion for every face of a frame, row by row those of its Faces.

    Attributes:
        rows: n Motion; those of faces that were not measured are not valid.
    """

    rows: tuple[Motion, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", tuple(self.rows))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, row: int) -> Motion:
        return self.rows[row]

    @classmethod
    def none(cls, rows: int = 0, *, size: int = 0) -> Motions:
        """`rows` rows of which none was measured, with `size` expression coefficients each."""
        return cls((Motion.none(size),) * rows)

    def pick(self, rows: Any) -> Motions:
        """The given rows (indices or a mask), in that order."""
        return Motions(tuple(self.rows[row] for row in np.arange(len(self.rows))[rows]))

    @property
    def known(self) -> NDArray[np.bool_]:
        """n bool: the row is valid."""
        return np.array([row.valid for row in self.rows], np.bool_)
