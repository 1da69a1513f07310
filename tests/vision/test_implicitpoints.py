"""Implicit keypoints: angles from bins, points by hand, what is taken over from a driver."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vidface.vision.implicitpoints import LIP_POINTS, PointMotion, angle_of, driven, rotation_of


def motion(seed: int = 0, **changes: Any) -> PointMotion:
    rng = np.random.default_rng(seed)
    parts: dict[str, Any] = {
        "points": rng.normal(size=(21, 3)), "rotation": np.eye(3), "expression": np.zeros((21, 3)),
        "scale": 1.0, "shift": np.zeros(3),
    }  # fmt: skip
    return PointMotion(**(parts | changes))


def test_bins_are_three_degrees_apart() -> None:
    """All in bin 32 or 33: -1.5 or 1.5 degrees; half in each: 0. Logits alike. One number is degrees."""
    row = np.zeros(66)
    row[32] = 1
    assert angle_of(row) == pytest.approx(-1.5)
    row[32:34] = 0.5
    assert angle_of(row) == pytest.approx(0)
    logits = np.full(66, -100.0)
    logits[40] = 5
    assert angle_of(logits) == pytest.approx(40 * 3 - 97.5)
    assert angle_of([12.5]) == 12.5
    with pytest.raises(ValueError, match="66 bins"):
        angle_of(np.zeros(7))


def test_a_turn_about_each_axis() -> None:
    """Rows from the right: x goes to y under a positive roll, y to z under pitch, z to x under yaw."""
    x, y, z = np.eye(3)
    np.testing.assert_allclose(x @ rotation_of(0, 0, 90), y, atol=1e-9)
    np.testing.assert_allclose(y @ rotation_of(90, 0, 0), z, atol=1e-9)
    np.testing.assert_allclose(z @ rotation_of(0, 90, 0), x, atol=1e-9)
    np.testing.assert_allclose(rotation_of(10, 20, 30) @ rotation_of(10, 20, 30).T, np.eye(3), atol=1e-9)


def test_points_are_turned_then_bent_then_scaled_then_shifted() -> None:
    one = motion(
        rotation=rotation_of(0, 0, 90), expression=np.full((21, 3), 0.5), scale=2, shift=np.array([1, 2, 9])
    )
    wanted = 2 * (one.points @ one.rotation + 0.5) + (1, 2, 0)
    np.testing.assert_allclose(one.placed(), wanted)


def test_a_driver_at_its_first_frame_changes_nothing() -> None:
    source = motion(1, rotation=rotation_of(5, -10, 3), scale=1.2, expression=np.full((21, 3), 0.1))
    first = motion(2, rotation=rotation_of(0, 30, 0), scale=0.8, shift=np.ones(3))
    np.testing.assert_allclose(driven(source, first, first).placed(), source.placed(), atol=1e-9)


def test_the_person_stays_and_the_motion_comes() -> None:
    """Relative: a turn of 20 degrees more, half as large again, an expression; its own points are kept."""
    source, first = motion(1), motion(2)
    now = motion(
        2, rotation=rotation_of(0, 20, 0), scale=1.5, expression=np.full((21, 3), 0.2), shift=np.ones(3)
    )
    made = driven(source, now, first)
    np.testing.assert_array_equal(made.points, source.points)
    np.testing.assert_allclose(made.rotation, rotation_of(0, 20, 0), atol=1e-9)
    assert made.scale == 1.5
    np.testing.assert_allclose(made.expression, 0.2)
    np.testing.assert_allclose(made.shift, 1)


def test_absolute_motion_keeps_the_source_size() -> None:
    made = driven(motion(1, scale=1.3), motion(2, rotation=rotation_of(0, 20, 0), scale=0.7), None)
    assert made.scale == 1.3
    np.testing.assert_allclose(made.rotation, rotation_of(0, 20, 0))


def test_regions() -> None:
    """Pose alone bends nothing, expression alone turns nothing, lips are six points."""
    source, first = motion(1), motion(2)
    now = motion(2, rotation=rotation_of(0, 20, 0), expression=np.full((21, 3), 0.2))
    assert not driven(source, now, first, region="pose").expression.any()
    np.testing.assert_array_equal(driven(source, now, first, region="expression").rotation, np.eye(3))
    lips = driven(source, now, first, region="lips")
    moved = np.flatnonzero(lips.expression.any(1)).tolist()
    assert moved == list(LIP_POINTS)
    np.testing.assert_array_equal(lips.rotation, np.eye(3))
