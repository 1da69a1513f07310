"""Meshes through a similarity and back; how the square follows the face is proved in tests/nodes/mesh."""

from __future__ import annotations

import numpy as np

from vidface.vision.meshcrop import to_crop, to_frame


def test_a_mesh_comes_back_from_its_crop() -> None:
    """Turned, doubled, shifted, depth alike; and a stack of meshes goes as each by itself."""
    turn = 2 * np.array([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]])
    matrix = np.column_stack([turn, (5.0, -7.0)])
    meshes = np.random.default_rng(0).uniform(-50, 50, (3, 478, 3))
    there = to_crop(meshes, matrix)
    np.testing.assert_allclose(there[..., 2], 2 * meshes[..., 2], rtol=1e-6)
    np.testing.assert_array_equal(there[1], to_crop(meshes[1], matrix))
    np.testing.assert_allclose(to_frame(there, np.stack([matrix] * 3)), meshes, atol=1e-4)
