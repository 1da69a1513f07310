"""Motion in seconds: exact in time, equal at every scale and place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from vidface.vision import motion
from vidface.vision.motion import Motion

gaps = st.floats(0, 3)
sizes = st.floats(4, 2000)
places = st.floats(-500, 4000)


def moving(velocity: tuple[float, float, float, float] = (50, -20, 0, 0)) -> Motion:
    """One face that is known well and moves."""
    return Motion(
        motion.place_of(np.array([[100.0, 100, 180, 200]])),
        np.array([velocity], np.float64),
        np.tile([4.0, 1.0, 9.0], (1, 4, 1)),
    )


@given(places, places, sizes, sizes)
def test_place_and_back(x: float, y: float, width: float, height: float) -> None:
    """Boxes survive the way to centre and logarithms."""
    box = np.array([[x, y, x + width, y + height]])
    assert_allclose(motion.boxes_of(motion.place_of(box)), box, atol=1e-6 * (1 + abs(box).max()))


def test_a_box_without_area_has_a_finite_place() -> None:
    assert np.isfinite(motion.place_of(np.array([[5.0, 5, 5, 5], [9, 9, 3, 3]]))).all()


@given(gaps, gaps)
def test_two_short_steps_equal_one_long(first: float, second: float) -> None:
    """The motion is exact in time, so the frame rate cannot matter."""
    at_once = motion.predict(moving(), np.array([first + second]))
    by_steps = motion.predict(motion.predict(moving(), np.array([first])), np.array([second]))
    assert_allclose(at_once.place, by_steps.place, rtol=1e-9)
    assert_allclose(at_once.velocity, by_steps.velocity, rtol=1e-9)
    assert_allclose(at_once.variance, by_steps.variance, rtol=1e-6, atol=1e-9)


def test_no_time_changes_nothing() -> None:
    now = motion.predict(moving(), np.zeros(1))
    assert_allclose(now.place, moving().place)
    assert_allclose(now.variance, moving().variance, atol=1e-12)


@given(gaps, gaps)
def test_doubt_grows_with_time_and_the_face_comes_to_rest(a: float, b: float) -> None:
    """A lost face stops within its velocity times REST_S, and is less and less certain."""
    early, late = (motion.predict(moving(), np.array([t])) for t in sorted((a, b)))
    assert (late.variance[:, :, 0] >= early.variance[:, :, 0] - 1e-9).all()
    way = abs(late.place - moving().place)
    assert (way <= abs(moving().velocity) * motion.REST_S + 1e-9).all()


@given(st.floats(0.1, 20), st.floats(-1000, 1000))
def test_scale_and_shift_go_through(scale: float, shift: float) -> None:
    """A picture twice as large, or one moved, gives the same motion twice as large, or moved."""
    seen = [np.array([[10.0, 20, 60, 90]]), np.array([[14.0, 19, 66, 90]]), np.array([[19.0, 19, 70, 88]])]

    def last(boxes: list[np.ndarray]) -> np.ndarray:
        belief = motion.begin(boxes[0])
        for box in boxes[1:]:
            belief = motion.correct(motion.predict(belief, np.array([0.1])), box)
        return motion.predict(belief, np.array([0.5])).boxes

    assert_allclose(last([scale * b + shift for b in seen]), scale * last(seen) + shift, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("rate_hz", [5, 10, 25, 60])
def test_velocity_is_found_whatever_the_rate(rate_hz: int) -> None:
    """A face that walks at one face size a second for three seconds: its velocity is known within 15 %."""
    belief = motion.begin(np.array([[0.0, 0, 100, 100]]))
    for i in range(1, 3 * rate_hz):
        x = 100 * i / rate_hz
        belief = motion.correct(
            motion.predict(belief, np.array([1 / rate_hz])), np.array([[x, 0, x + 100, 100]])
        )
    assert belief.velocity[0, 0] == pytest.approx(100, rel=0.15)
    assert abs(belief.velocity[0, 1:]).max() < 1e-6


def test_rows_do_not_influence_each_other() -> None:
    """Two faces at once are as each alone."""
    boxes = np.array([[0.0, 0, 50, 60], [300, 200, 330, 240]])
    both = motion.predict(motion.begin(boxes), np.array([0.2, 0.7]))
    for i, gap in enumerate((0.2, 0.7)):
        alone = motion.predict(motion.begin(boxes[i : i + 1]), np.array([gap]))
        assert_allclose(both.pick([i]).variance, alone.variance)
        assert_allclose(both.boxes[i : i + 1], alone.boxes)


def test_nobody_is_fine() -> None:
    belief = motion.correct(motion.predict(motion.begin(np.zeros((0, 4))), np.zeros(0)), np.zeros((0, 4)))
    assert len(belief) == 0
    assert belief.boxes.shape == (0, 4)
