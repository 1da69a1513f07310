"""Straight lines between sightings, landmarks that go with their box."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from vidface.vision.interpolate import between, carry

BOXES = np.array([[0.0, 0, 10, 20], [100, 50, 140, 90]])
POINTS = np.array(
    [[[2.0, 5], [8, 5], [5, 10], [3, 16], [7, 16]], [[110.0, 60], [130, 60], [120, 70], [112, 80], [128, 80]]]
)


def test_ends_and_middle() -> None:
    """Share 0 is before, 1 is after, one half the mean; each row has its own."""
    moved = BOXES + 8
    assert_allclose(between(BOXES, moved, np.array([0, 1])), [BOXES[0], moved[1]])
    assert_allclose(between(BOXES, moved, np.array([0.5, 0.25])), [BOXES[0] + 4, BOXES[1] + 2])


def test_landmarks_too() -> None:
    assert_allclose(between(POINTS, POINTS + 6, np.array([0.5, 0.5])), POINTS + 3)


@given(st.floats(0.1, 10), st.floats(-300, 300))
def test_landmarks_keep_their_place_in_the_box(scale: float, shift: float) -> None:
    assert_allclose(carry(POINTS, BOXES, BOXES * scale + shift), POINTS * scale + shift, rtol=1e-4, atol=1e-3)


def test_a_box_without_area_only_shifts_its_landmarks() -> None:
    flat = np.array([[5.0, 5, 5, 5]])
    points = carry(POINTS[:1], flat, flat + 3)
    assert_allclose(points, POINTS[:1] + 3)


def test_unknown_landmarks_stay_unknown() -> None:
    assert np.isnan(carry(np.full((2, 5, 2), np.nan), BOXES, BOXES + 1)).all()


@pytest.mark.parametrize("function", [between, carry])
def test_nobody(function: object) -> None:
    """No rows in, no rows out."""
    empty = np.zeros((0, 4))
    if function is between:
        assert between(empty, empty, np.zeros(0)).shape == (0, 4)
    else:
        assert carry(np.zeros((0, 5, 2)), empty, empty).shape == (0, 5, 2)
