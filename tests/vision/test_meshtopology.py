"""Index lists of the mesh, and the five landmarks taken from it."""

from __future__ import annotations

import numpy as np
import pytest

from vidface.vision import meshtopology as topology
from vidface.vision.meshtopology import five_of_mesh

PAIRS = [
    (topology.EYE_RIGHT, topology.EYE_LEFT),
    (topology.BROW_RIGHT, topology.BROW_LEFT),
    (topology.IRIS_RIGHT, topology.IRIS_LEFT),
]


def test_lists_name_points_of_the_mesh_once_each() -> None:
    """No list repeats a point or points outside 0..477, and left and right share none."""
    rings = [topology.FACE_OVAL, topology.LIPS_OUTER, topology.LIPS_INNER, topology.NOSE, topology.NOSTRILS]
    for ring in [*rings, *(ring for pair in PAIRS for ring in pair)]:
        assert len(set(ring)) == len(ring)
        assert min(ring) >= 0
        assert max(ring) < 478
    for right, left in PAIRS:
        assert len(right) == len(left)
        assert not set(right) & set(left)
    assert not set(topology.LIPS_OUTER) & set(topology.LIPS_INNER)


def test_five_points_are_in_viewer_order() -> None:
    """The person's right eye and mouth corner come first, since they lie left in the picture."""
    points = np.zeros((478, 3))
    points[list(topology.EYE_RIGHT)] = (30, 40, 1)
    points[list(topology.EYE_LEFT)] = (70, 41, 1)
    points[topology.NOSE_TIP], points[61], points[291] = (50, 60, -20), (35, 80, 0), (65, 81, 0)
    assert five_of_mesh(points).tolist() == [[30, 40], [70, 41], [50, 60], [35, 80], [65, 81]]


def test_five_points_of_many_meshes_and_of_unknown_ones() -> None:
    """Leading axes are kept, two coordinates do, and an unknown mesh has unknown landmarks."""
    points = np.random.default_rng(1).normal(size=(3, 2, 478, 2))
    points[1] = np.nan
    five = five_of_mesh(points)
    assert five.shape == (3, 2, 5, 2)
    assert np.isnan(five[1]).all()
    assert np.array_equal(five[2, 1], five_of_mesh(points[2, 1]))


def test_another_number_of_points_is_refused() -> None:
    """468 points without irises are not this topology."""
    with pytest.raises(ValueError, match="478 points, but got 468"):
        five_of_mesh(np.zeros((468, 3)))
