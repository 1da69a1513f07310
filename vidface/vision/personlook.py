"""Looks: what one face showed over a stretch of time, ready to be held against references.

A stretch of a track and a reference picture are made into the same thing by the same code, so that one
can be held against the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vidface.vision.facegeometry import SIZE, shape_of
from vidface.vision.looks import fuse, weights_of
from vidface.vision.meshmodel import MeshFitter

Vector = NDArray[np.float32]

MOST_YAW_DEG: Final = 25.0
MOST_PITCH_DEG: Final = 25.0
LEAST_EYES_PX: Final = 20.0
"""Between the eyes: below this the mesh of a face is too coarse for its shape."""
_MOST_MESHES: Final = 16
"""More of one stretch tell hardly more, and cost."""

_NONE: Final = np.zeros(0, np.float32)


@dataclass(frozen=True, slots=True)
class Sample:
    """One face on one frame.

    Attributes:
        time: seconds. frame: its index.
        vector: d float32 of unit length, or of length 0 where not embedded.
        recognisability: of it, or NaN.
        inner, outer: the embeddings of the inside and of the outside alone, or of length 0.
        mesh: 478 x 3 pixels, or None.
        angles: yaw, pitch, roll in degrees; NaN where not known.
        eyes_px: distance between the eyes as if seen from the front; NaN where not known.
        does: `manner.EXPRESSIONS` float32, the face's expression, or of length 0 where not known.
    """

    time: float
    frame: int
    vector: Vector = field(default_factory=lambda: _NONE)
    recognisability: float = float("nan")
    inner: Vector = field(default_factory=lambda: _NONE)
    outer: Vector = field(default_factory=lambda: _NONE)
    mesh: NDArray[np.float32] | None = None
    angles: tuple[float, float, float] = (float("nan"),) * 3
    eyes_px: float = float("nan")
    does: Vector = field(default_factory=lambda: _NONE)

    @property
    def shapely(self) -> bool:
        """The mesh tells of the face's shape: seen from the front, and large enough."""
        yaw, pitch, _ = self.angles
        frontal = abs(yaw) < MOST_YAW_DEG and abs(pitch) < MOST_PITCH_DEG
        return self.mesh is not None and frontal and self.eyes_px >= LEAST_EYES_PX


class Look(NamedTuple):
    """What a stretch showed.

    Attributes:
        vector: d float32 of unit length; of length 0 where nothing was embedded.
        recognisability: mean of those that were embedded.
        inner, outer: as `vector`.
        shape: `facegeometry.SIZE` float64; NaN where no frame tells of it.
        yaw, pitch: means in degrees over the frames of the shape, where there are any, else over all.
        eyes_px: median. NaN where not known.
        vectors, parts, meshes: frames behind each.
    """

    vector: Vector
    recognisability: float
    inner: Vector
    outer: Vector
    shape: NDArray[np.float64]
    yaw: float
    pitch: float
    eyes_px: float
    vectors: int
    parts: int
    meshes: int


def look_of(samples: Sequence[Sample], fitter: MeshFitter | None) -> Look:
    """Samples of one face, one or more -> what they show together.

    Args:
        fitter: one that fits one person; None leaves the shape out.

    Raises:
        ValueError: no sample.
    """
    if not samples:
        raise ValueError("a look wants one sample or more")
    embedded = [one for one in samples if len(one.vector)]
    parted = [one for one in samples if len(one.inner) and len(one.outer)]
    meshed = [one for one in samples if one.shapely] if fitter is not None else []
    if len(meshed) > _MOST_MESHES:
        meshed = [meshed[place] for place in np.linspace(0, len(meshed) - 1, _MOST_MESHES).astype(int)]
    shape = np.full(SIZE, np.nan)
    if meshed and fitter is not None:
        shape = shape_of([one.mesh for one in meshed], fitter)
    return Look(
        vector=_fused([one.vector for one in embedded], embedded),
        recognisability=_mean([one.recognisability for one in embedded]),
        inner=_fused([one.inner for one in parted], parted),
        outer=_fused([one.outer for one in parted], parted),
        shape=shape,
        yaw=_mean([one.angles[0] for one in meshed or samples]),
        pitch=_mean([one.angles[1] for one in meshed or samples]),
        eyes_px=_median([one.eyes_px for one in samples]),
        vectors=len(embedded),
        parts=len(parted),
        meshes=len(meshed),
    )


def _fused(vectors: Sequence[Vector], samples: Sequence[Sample]) -> Vector:
    if not vectors:
        return _NONE
    weights = np.maximum(weights_of([one.recognisability for one in samples]), 1e-3)
    return fuse(np.stack(vectors), weights)


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def _median(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.median(known)) if known else float("nan")
