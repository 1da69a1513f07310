"""Meshes, Poses and Measures: checked at birth, read-only after, honest about what was not measured."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from vidface.data.measures import Measure, Measures
from vidface.data.mesh import BLENDSHAPES, POINTS, Meshes
from vidface.data.pose import POSE_COLUMNS, Poses

KINDS = (Measure("mouth_opening", "ratio", "How far."), Measure("gaze_yaw", "degrees", "Where to."))


def empty(*shape: int) -> NDArray[np.float32]:
    """Noughts."""
    return np.zeros(shape, np.float32)


def test_blendshape_names_are_52_and_differ() -> None:
    """The order is a contract with the networks: the known anchors stand where they should."""
    assert len(BLENDSHAPES) == len(set(BLENDSHAPES)) == 52
    assert [BLENDSHAPES[i] for i in (0, 9, 25, 44, 51)] == [
        "_neutral",
        "eyeBlinkLeft",
        "jawOpen",
        "mouthSmileLeft",
        "noseSneerRight",
    ]


def test_a_mesh_that_was_not_measured_is_nan_with_presence_0() -> None:
    """`of` derives presence from the points, `none` gives the asked number of empty rows."""
    points = np.zeros((2, POINTS, 3), np.float32)
    points[1] = np.nan
    meshes = Meshes.of(points)
    assert meshes.known.tolist() == [True, False]
    assert meshes.presence.tolist() == [1, 0]
    assert np.isnan(meshes.blendshapes).all()
    assert len(Meshes.none(3)) == 3
    assert not Meshes.none(3).known.any()
    assert len(Meshes.none()) == 0
    assert meshes.pick([1]).presence.tolist() == [0]


def test_wrong_shapes_are_refused_by_name() -> None:
    """The sentence names the field, what was wanted and what was found."""
    with pytest.raises(ValueError, match=r"Meshes\.points must be n x 478 x 3, but is 2 x 468 x 3"):
        Meshes(empty(2, 468, 3), empty(2), empty(2, 52))
    with pytest.raises(ValueError, match=r"Meshes\.presence must lie in \[0, 1\]"):
        Meshes.of(np.zeros((1, POINTS, 3)), presence=[1.5])
    with pytest.raises(ValueError, match=r"Poses\.scales must be 2"):
        Poses(empty(2, 3), empty(2, 2), empty(1), empty(2))
    with pytest.raises(ValueError, match=r"Measures\.values must be n x 2, but is 1 x 3"):
        Measures(KINDS, empty(1, 3))


def test_values_cannot_be_written() -> None:
    """What stands on an edge is shared, so nobody may change it."""
    meshes = Meshes.of(np.zeros((1, POINTS, 3)))
    with pytest.raises(ValueError, match="read-only"):
        meshes.points[0] = 1


def test_columns_carry_names_and_order() -> None:
    """Tables are made from `columns`: the names are fixed, the values those of the rows."""
    poses = Poses(np.array([[1, 2, 3]]), np.array([[4, 5]]), np.array([6]), np.array([7]))
    assert {name: float(v[0]) for name, v in poses.columns().items()} == dict(
        zip(POSE_COLUMNS, range(1, 8), strict=True)
    )
    measures = Measures(KINDS, np.array([[0.5, -3.0]]))
    assert measures.column("gaze_yaw").tolist() == [-3.0]
    assert list(measures.columns()) == ["mouth_opening", "gaze_yaw"]
    assert not Poses.none(2).known.any()
    assert len(Measures.none(KINDS, 2)) == 2
    with pytest.raises(KeyError):
        measures.column("smile")
