"""The best-shot proxy ranks as a person would, and its parts stay in [0, 1]."""

from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vidface.data import Faces
from vidface.vision.align import TEMPLATES
from vidface.vision.bestshot import frontalness, parts_of, sharpness, square_crop

FRONT = TEMPLATES["arcface112"].points.astype(np.float32)


def turned(points: NDArray[np.float32], degrees: float) -> NDArray[np.float32]:
    """Roll the points about their middle."""
    angle = np.deg2rad(degrees)
    turn = np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
    return np.asarray((points - points.mean(0)) @ turn.T + points.mean(0), np.float32)


def with_nose(dx: float, dy: float) -> NDArray[np.float32]:
    """A frontal face whose nose tip is moved."""
    points = FRONT.copy()
    points[2] += (dx, dy)
    return points


def test_a_frontal_face_beats_a_turned_one_and_roll_does_not_matter() -> None:
    """Yaw and pitch show in the nose tip; a head laid on its side is still frontal."""
    front, yaw, pitch, roll = frontalness(
        np.stack([FRONT, with_nose(12, 0), with_nose(0, -10), turned(FRONT, 70)])
    )
    assert front > 0.9
    assert yaw < 0.7 * front
    assert pitch < 0.8 * front
    assert abs(roll - front) < 1e-5


def test_profile_and_unknown_landmarks() -> None:
    """A nose beyond the eye is worth nothing; landmarks that are not known are worth a half."""
    profile, unknown, collapsed = frontalness(
        np.stack([with_nose(30, 0), np.full((5, 2), np.nan), np.ones((5, 2))])
    )
    assert profile == 0
    assert unknown == 0.5
    assert collapsed == 0


def test_parts_rank_size_score_inside_and_interpolation() -> None:
    """Larger, surer, wholly inside and really seen wins."""
    faces = Faces.of(
        [(10, 10, 110, 130), (10, 10, 50, 58), (-50, 10, 50, 130), (10, 10, 110, 130), (10, 10, 110, 130)],
        scores=[0.9, 0.9, 0.9, 0.5, 0.9],
        interpolated=[False, False, False, False, True],
    )
    parts = parts_of(faces, (320, 240))
    best, *others = parts.product.tolist()
    assert best > max(others)
    assert others[-1] == 0
    assert parts.inside[2] == np.float64(0.25)
    assert parts.size[1] == np.float64(0.5)


@given(
    box=st.tuples(*[st.floats(-1e4, 1e4, width=32)] * 4),
    points=st.lists(st.floats(-1e4, 1e4, width=32), min_size=10, max_size=10),
)
def test_parts_stay_within_bounds(box: tuple[float, ...], points: list[float]) -> None:
    """Whatever a detector says, also boxes turned inside out: every part lies in [0, 1], none is NaN."""
    faces = Faces.of([box], landmarks=np.array(points, np.float32).reshape(1, 5, 2))
    for part in (*parts_of(faces, (640, 480)), parts_of(faces, (640, 480)).product):
        assert ((part >= 0) & (part <= 1)).all()


def test_blur_lowers_sharpness_and_brightness_does_not() -> None:
    """The measure sees blur, not contrast; a flat picture has none of it."""
    sharp = np.repeat(np.linspace(60, 160, 128, dtype=np.uint8)[:, None, None], 128, axis=1).repeat(3, axis=2)
    for x, y in ((45, 45), (83, 45), (64, 66), (64, 95)):
        cv2.circle(sharp, (x, y), 9, (30, 30, 30), -1, cv2.LINE_AA)
    soft = np.asarray(cv2.GaussianBlur(sharp, (0, 0), 2), np.uint8)
    dim = np.asarray(sharp * 0.5 + 20, np.uint8)
    assert sharpness(soft) < 0.5 * sharpness(sharp)
    assert abs(sharpness(dim) - sharpness(sharp)) < 0.02
    assert sharpness(np.full((128, 128, 3), 90, np.uint8)) == 0


def test_square_crop_takes_the_square_around_the_box() -> None:
    """The box's middle becomes the crop's middle, and `grow` times its longer side the crop's side."""
    matrix = square_crop(np.array([100, 50, 180, 150]), 70, grow=1.4)
    middle = matrix @ (140, 100, 1)
    np.testing.assert_allclose(middle, (35, 35))
    np.testing.assert_allclose(matrix @ (140 - 70, 100 - 70, 1), (0, 0), atol=1e-9)
