"""Meshes: a dense mesh of every face of a frame, aligned row by row with its Faces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.data._arrays import frozen_array

POINTS: Final = 478
"""468 points of the skin and the lips, then 5 of each iris (the person's right one first)."""

BLENDSHAPES: Final[tuple[str, ...]] = (
    "_neutral",
    *("browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    *("cheekPuff", "cheekSquintLeft", "cheekSquintRight"),
    *("eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft"),
    *("eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight"),
    *("eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight"),
    *("jawForward", "jawLeft", "jawOpen", "jawRight"),
    *("mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight"),
    *("mouthFunnel", "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft"),
    *("mouthPressRight", "mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper"),
    *("mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft"),
    *("mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight", "noseSneerLeft", "noseSneerRight"),
)
"""Names of the 52 coefficients, in order; left and right are the person's own, as in ARKit."""


@dataclass(frozen=True, slots=True, eq=False)
class Meshes:
    """One mesh a face, n rows; a row that was not measured is NaN with presence 0.

    Attributes:
        points: n x 478 x 3 float32. x and y in pixels of the upright frame, z in the same scale,
            0 near the middle of the head, smaller towards the viewer. Order as in MediaPipe's face mesh.
        presence: n float32 in [0, 1], how sure the network is that the crop shows a face.
        blendshapes: n x 52 float32 in [0, 1], in the order of `BLENDSHAPES`; NaN where not measured.
    """

    points: NDArray[np.float32]
    presence: NDArray[np.float32]
    blendshapes: NDArray[np.float32]

    def __post_init__(self) -> None:
        n = len(self.points)
        for name, shape in (
            ("points", (None, POINTS, 3)),
            ("presence", (n,)),
            ("blendshapes", (n, len(BLENDSHAPES))),
        ):
            array = frozen_array(f"Meshes.{name}", getattr(self, name), dtype=np.float32, shape=shape)
            object.__setattr__(self, name, array)
        if n and not ((self.presence >= 0) & (self.presence <= 1)).all():
            raise ValueError(
                f"Meshes.presence must lie in [0, 1], but is {self.presence.min()}..{self.presence.max()}"
            )

    def __len__(self) -> int:
        return len(self.points)

    @classmethod
    def none(cls, rows: int = 0) -> Meshes:
        """`rows` rows of which none was measured."""
        return cls.of(np.full((rows, POINTS, 3), np.nan, np.float32), presence=np.zeros(rows, np.float32))

    @classmethod
    def of(cls, points: Any, *, presence: Any = None, blendshapes: Any = None) -> Meshes:
        """Build from what is known; the rest: presence 1 (0 where points are NaN), NaN blendshapes."""
        rows = np.asarray(points, np.float32).reshape(-1, POINTS, 3)
        if presence is None:
            presence = np.isfinite(rows).all((1, 2)).astype(np.float32)
        if blendshapes is None:
            blendshapes = np.full((len(rows), len(BLENDSHAPES)), np.nan, np.float32)
        return cls(rows, presence, blendshapes)

    @property
    def known(self) -> NDArray[np.bool_]:
        """n bool: the row was measured."""
        finite = np.isfinite(self.points).reshape(len(self), 3 * POINTS)
        known: NDArray[np.bool_] = np.asarray(finite.all(axis=1))
        return known

    def pick(self, rows: Any) -> Meshes:
        """The given rows (indices or a mask), in that order."""
        return Meshes(self.points[rows], self.presence[rows], self.blendshapes[rows])
