"""Skulls from landmarks, meshes and poses: place, size and roll, whichever way the head is turned."""

from __future__ import annotations

import numpy as np
import pytest

from vidface.data.pose import Poses
from vidface.vision.rigid import rotations_of
from vidface.vision.skull import FIVE, matrix_of, of_landmarks, of_poses


@pytest.mark.parametrize("yaw", [-50, -20, 0, 20, 50])
@pytest.mark.parametrize("roll", [-30, 0, 45])
def test_turning_aside_moves_neither_size_nor_place(yaw: int, roll: int) -> None:
    """A similarity through the five points would shrink by a third at 50 degrees."""
    turn = rotations_of([[yaw, 8, roll]])[0]
    points = 60 * (np.array(FIVE) @ turn.T)[:, :2] + (300, 200)
    a, b = of_landmarks(points[None])
    assert abs(a[0]) == pytest.approx(60, rel=1e-3)
    assert np.degrees(np.angle(a[0])) == pytest.approx(roll, abs=0.1)
    assert b[0] == pytest.approx(300 + 200j, abs=0.1)


def test_rows_that_were_not_measured_stay_unknown() -> None:
    good = 40 * np.array(FIVE)[:, :2] + 100
    a, b = of_landmarks([good, np.full((5, 2), np.nan), np.full((5, 2), 7.0)])
    assert np.isfinite([a[0], b[0]]).all()
    assert np.isnan(a[1:]).all()
    assert np.isnan(b[1:]).all()
    assert len(of_landmarks(np.zeros((0, 5, 2)))[0]) == 0


def test_convention_poses_say_the_same_as_landmarks() -> None:
    turn = rotations_of([[15, -10, 25]])[0]
    points = 50 * (np.array(FIVE) @ turn.T)[:, :2] + (90, 80)
    poses = Poses(
        np.array([[15, -10, 25]], np.float32),
        np.array([[90, 80]], np.float32),
        np.array([50], np.float32),
        np.zeros(1, np.float32),
    )
    for one, other in zip(of_poses(poses), of_landmarks(points[None]), strict=True):
        assert np.allclose(one, other, atol=0.05)


def test_the_matrix_turns_clockwise_as_seen() -> None:
    """Roll is positive clockwise, y points down: the x axis goes over to the y axis."""
    assert np.allclose(matrix_of(2j, 5 + 1j) @ (1, 0, 1), (5, 3, 1))
