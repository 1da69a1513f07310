"""Measures of the mean face before and after one part of it was moved by a known amount."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidface.infer import weights
from vidface.vision.facemeasures import Raw, measure
from vidface.vision.meshmodel import MeshModel
from vidface.vision.meshtopology import BROW_LEFT, EYE_LEFT, EYE_RIGHT, IRIS_LEFT, IRIS_RIGHT
from vidface.vision.rigid import Similarity, rotations_of

MEAN = MeshModel.load(weights.verify("vidface-meshmodel").path).mean.astype(np.float64)


def frontal(shape: Any) -> Raw:
    return measure(shape[None], np.zeros((1, 3)), np.ones(1))


def moved(points: Any, by: tuple[float, float, float]) -> Any:
    shape = MEAN.copy()
    shape[list(points)] += by
    return shape


def changed(before: Raw, after: Raw) -> set[str]:
    """Names of the measures that differ."""
    return {
        name
        for name, a, b in zip(Raw._fields, before, after, strict=True)
        if not np.allclose(a, b, atol=1e-9)
    }


def shut(ring: tuple[int, ...]) -> Any:
    """The mean face with the upper lid of one eye laid on the lower one."""
    shape = MEAN.copy()
    for place in range(1, 8):
        shape[ring[place]] = shape[ring[16 - place]]
    return shape


def test_the_mean_face_has_plausible_proportions() -> None:
    """Open eyes, mouth nearly shut, corners of the mouth near the lip line, brows above the eyes."""
    rest = frontal(MEAN)
    assert 0.2 < rest.eye_left[0] < 0.4
    assert rest.mouth_opening[0] < 0.05
    assert 0.6 < rest.mouth_width[0] < 1.0
    assert 0.15 < rest.brow_left[0] < 0.5
    assert rest.interocular[0] == pytest.approx(1, abs=1e-3)
    assert rest.iris_x[0] == pytest.approx(0, abs=1e-3)
    np.testing.assert_allclose(rest.eye_left, rest.eye_right, atol=1e-3)


@pytest.mark.parametrize(("ring", "name"), [(EYE_LEFT, "eye_left"), (EYE_RIGHT, "eye_right")])
def test_shut_lids_change_that_eye_alone(ring: tuple[int, ...], name: str) -> None:
    """Opening 0 on the person's own side, everything else as before."""
    after = frontal(shut(ring))
    assert getattr(after, name)[0] == 0
    assert changed(frontal(MEAN), after) == {name}


def test_crossed_lids_are_shut() -> None:
    """A net that puts the upper lid below the lower one means a shut eye, not a wide one."""
    assert frontal(moved(EYE_LEFT[1:8], (0, 0.3, 0))).eye_left[0] == 0


def test_left_is_the_persons_own() -> None:
    """The person's left eye lies to the right in the picture (larger x)."""
    assert MEAN[list(EYE_LEFT), 0].min() > MEAN[list(EYE_RIGHT), 0].max()


def test_a_dropped_jaw_opens_the_mouth() -> None:
    """Inner lower lip down by 0.3: opening 0.3 more, and the corners lie higher over the lip line."""
    before, after = frontal(MEAN), frontal(moved((87, 14, 317), (0, 0.3, 0)))
    assert after.mouth_opening[0] - before.mouth_opening[0] == pytest.approx(0.3, abs=1e-6)
    assert changed(before, after) == {"mouth_opening", "corner_lift"}


def test_corners_drawn_up_and_out() -> None:
    before = frontal(MEAN)
    up = frontal(moved((61, 291), (0, -0.1, 0)))
    assert up.corner_lift[0] - before.corner_lift[0] == pytest.approx(0.1)
    wide = MEAN.copy()
    wide[61, 0] -= 0.05
    wide[291, 0] += 0.05
    assert frontal(wide).mouth_width[0] - before.mouth_width[0] == pytest.approx(0.1, abs=2e-3)


def test_a_raised_brow_is_higher() -> None:
    before, after = frontal(MEAN), frontal(moved(BROW_LEFT, (0, -0.1, 0)))
    assert after.brow_left[0] - before.brow_left[0] == pytest.approx(0.1)
    assert changed(before, after) == {"brow_left"}


def test_irises_move_to_where_the_eyes_look() -> None:
    after = frontal(moved((*IRIS_LEFT, *IRIS_RIGHT), (0.05, -0.02, 0)))
    assert after.iris_x[0] == pytest.approx(0.05, abs=1e-3)
    assert after.iris_y[0] - frontal(MEAN).iris_y[0] == pytest.approx(-0.02)


@settings(max_examples=30)
@given(st.floats(-60, 60), st.floats(-50, 50), st.floats(-180, 180), st.floats(1, 900))
def test_pose_and_size_do_not_matter(yaw: float, pitch: float, roll: float, scale: float) -> None:
    """A turned, moved and scaled face has the measures of the frontal one."""
    angles = np.array([[yaw, pitch, roll]])
    turn = Similarity(rotations_of(angles), np.array([scale]), np.array([[500.0, 300.0, 7.0]]))
    found = measure(turn.apply(MEAN), angles, [scale])
    for one, other in zip(found, frontal(MEAN), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_unknown_rows_stay_unknown() -> None:
    points = np.stack([MEAN, np.full_like(MEAN, np.nan)])
    found = measure(points, np.zeros((2, 3)), np.ones(2))
    assert all(np.isfinite(column[0]) and np.isnan(column[1]) for column in found)


def test_no_faces_give_empty_columns() -> None:
    assert all(
        column.shape == (0,) for column in measure(np.zeros((0, 478, 3)), np.zeros((0, 3)), np.zeros(0))
    )
