"""Meshes through a similarity and back; how the square follows the face is proved in tests/nodes/mesh."""

from __future__ import annotations

import numpy as np
import pytest

from vidface.vision.meshcrop import apart, to_crop, to_frame


def test_a_mesh_comes_back_from_its_crop() -> None:
    """Turned, doubled, shifted, depth alike; and a stack of meshes goes as each by itself."""
    turn = 2 * np.array([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]])
    matrix = np.column_stack([turn, (5.0, -7.0)])
    meshes = np.random.default_rng(0).uniform(-50, 50, (3, 478, 3))
    there = to_crop(meshes, matrix)
    np.testing.assert_allclose(there[..., 2], 2 * meshes[..., 2], rtol=1e-6)
    np.testing.assert_array_equal(there[1], to_crop(meshes[1], matrix))
    np.testing.assert_allclose(to_frame(there, np.stack([matrix] * 3)), meshes, atol=1e-4)


def test_crops_are_as_far_apart_as_the_corner_that_moves_most() -> None:
    """Against the plain way: each corner out of the first crop and into the second."""
    turn = np.array([(0.5, -0.1), (0.1, 0.5)])
    one, other = np.column_stack([turn, (3, -40)]), np.column_stack([turn * 1.1, (-2, -35)])
    corners = np.array([(0.0, 0.0), (160.0, 0.0), (0.0, 160.0), (160.0, 160.0)])
    there = (corners - one[:, 2]) @ np.linalg.inv(one[:, :2]).T
    moved = there @ other[:, :2].T + other[:, 2]
    wanted = np.hypot(*(moved - corners).T).max() / 160
    assert apart(one, other, 160) == pytest.approx(wanted, rel=1e-12)
    assert apart(one, one, 160) == pytest.approx(0, abs=1e-12)
