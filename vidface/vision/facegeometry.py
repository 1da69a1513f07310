"""The shape of a face in named distances, freed of pose and expression.

A linear model of the mesh is fitted to many frames of one person at once; what it says the person's
face is without any expression is measured. All lengths are over the distance between the middles
of the eyes, as seen from the front.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.vision.meshmodel import MeshFitter
from vidface.vision.meshtopology import BROW_LEFT, BROW_RIGHT, EYE_LEFT, EYE_RIGHT

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Distance:
    """A distance between two places of a face.

    Attributes:
        name: snake_case. title: for people: "the nose-to-chin distance".
        start, end: point numbers; the mean of each group counts.
        axis: 0 across, 1 down, None both.
    """

    name: str
    title: str
    start: tuple[int, ...]
    end: tuple[int, ...]
    axis: int | None


_EYE_RIGHT, _EYE_LEFT = (EYE_RIGHT[0], EYE_RIGHT[8]), (EYE_LEFT[0], EYE_LEFT[8])

DISTANCES: Final[tuple[Distance, ...]] = (
    Distance("right_eye_width", "the width of the right eye", (EYE_RIGHT[0],), (EYE_RIGHT[8],), None),
    Distance("left_eye_width", "the width of the left eye", (EYE_LEFT[0],), (EYE_LEFT[8],), None),
    Distance("eyes_inner_gap", "the gap between the eyes", (EYE_RIGHT[8],), (EYE_LEFT[8],), None),
    Distance("eye_to_brow", "the eye-to-brow distance", (*BROW_RIGHT, *BROW_LEFT),
             (*_EYE_RIGHT, *_EYE_LEFT), 1),
    Distance("nose_length", "the length of the nose", (168,), (2,), 1),
    Distance("nose_width", "the width of the nose", (129,), (358,), None),
    Distance("nose_to_lip", "the nose-to-lip distance", (2,), (0,), 1),
    Distance("nose_to_chin", "the nose-to-chin distance", (2,), (152,), 1),
    Distance("lip_to_chin", "the lip-to-chin distance", (17,), (152,), 1),
    Distance("mouth_width", "the width of the mouth at rest", (61,), (291,), None),
    Distance("eyes_to_mouth", "the eyes-to-mouth distance", (*_EYE_RIGHT, *_EYE_LEFT), (61, 291), 1),
    Distance("cheek_width", "the width of the face at the cheekbones", (234,), (454,), 0),
    Distance("jaw_width", "the width of the jaw", (172, 58), (397, 288), 0),
    Distance("forehead", "the height of the forehead", (10,), (168,), 1),
)  # fmt: skip
"""In the order of the columns of `shape_of`; right and left are the person's own."""

SIZE: Final = len(DISTANCES)
"""Numbers in a shape."""

POSE_TERMS: Final = 6


def pose_terms(yaw: Any, pitch: Any) -> Array:
    """... x `POSE_TERMS` from angles in degrees: what the measured shape leans on beside who it is.

    A network's mesh is not the same shape from all sides, least of all in depth.
    """
    y, p = np.asarray(yaw, np.float64) / 20, np.asarray(pitch, np.float64) / 20
    return np.stack([p, p * p, y * y, y, y * p, p * y * y], axis=-1)


def distances_of(shape: Any) -> Array:
    """478 x 3, a face that looks at the viewer -> one number for each of `DISTANCES`."""
    flat = np.asarray(shape, np.float64)[:, :2]
    eyes = [flat[list(pair)].mean(axis=0) for pair in (_EYE_RIGHT, _EYE_LEFT)]
    unit = max(1e-9, float(np.linalg.norm(eyes[1] - eyes[0])))
    values = []
    for one in DISTANCES:
        way = flat[list(one.end)].mean(axis=0) - flat[list(one.start)].mean(axis=0)
        values.append(float(np.linalg.norm(way)) if one.axis is None else abs(float(way[one.axis])))
    return np.asarray(values) / unit


def shape_of(meshes: Sequence[Any], fitter: MeshFitter) -> Array:
    """Meshes of one person -> `SIZE` distances.

    Args:
        meshes: 478 x 3 pixels each, finite; one or more.
        fitter: one that fits one person (`one_person=True`).

    Raises:
        ValueError: no mesh.
    """
    if not fitter.one_person:
        raise ValueError("a shape wants a fitter of one person, but this one fits each mesh alone")
    fit = fitter.fit(np.stack([np.asarray(mesh, np.float64) for mesh in meshes]), rounds=2)
    return distances_of(fitter.model.shapes(fit.identity[:1])[0])
