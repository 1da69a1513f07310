"""Figures of restored faces against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from vidface.eval.restore import (
    cosines,
    guard_share,
    identity_jitter,
    identity_similarity,
    keypoint_distance,
    landmark_jitter,
    mean_row,
    motion_error,
    neighbours,
)


def test_identity_similarity_is_mean_and_spread_over_frames() -> None:
    """Cosines 1, 0.6 and 0.8: mean 0.8, standard deviation sqrt(0.08 / 3). Lengths do not matter."""
    wanted = np.array([[1.0, 0], [2, 0], [0, 1]])
    found = np.array([[5.0, 0], [0.6, 0.8], [0.6, 0.8]])
    mean, spread = identity_similarity(found, wanted)
    assert (mean, spread) == pytest.approx((0.8, np.sqrt(0.08 / 3)))


def test_a_vector_of_zeros_does_not_count() -> None:
    assert np.isnan(cosines([[0, 0]], [[1, 0]])[0])
    assert identity_similarity([[0, 0], [1, 0]], [[1, 0], [1, 0]]) == (1, 0)
    assert np.isnan(identity_similarity(np.zeros((2, 3)), np.ones((2, 3)))).all()
    assert cosines([[1, 0], [0, 2]], [0, 1]).tolist() == [0, 1]


def test_identity_jitter_is_taken_between_neighbours() -> None:
    """Frames 0 and 1 differ by a cosine of 0.6; 1 and 5 are no neighbours."""
    rows = np.array([[1.0, 0], [0.6, 0.8], [-1, 0]])
    assert identity_jitter(rows, [0, 1, 5]) == pytest.approx(0.4)
    assert np.isnan(identity_jitter(rows, [0, 2, 4]))
    assert neighbours([3, 4, 6]).tolist() == [True, False]


def test_keypoint_distance_is_euclidean() -> None:
    """One point off by (3, 4), one in place: 2.5 px; a frame without landmarks does not count."""
    wanted = np.zeros((2, 2, 2))
    found = np.array([[(3.0, 4), (0, 0)], [(np.nan, np.nan), (np.nan, np.nan)]])
    assert keypoint_distance(found, wanted) == pytest.approx(2.5)


def test_motion_error_forgives_a_fixed_offset() -> None:
    """The same motion elsewhere costs nothing; standing still while the reference moves (3, 4) costs 5."""
    moving = np.array([[(0.0, 0)], [(3, 4)], [(6, 8)]])
    assert motion_error(moving + 7, moving, [0, 1, 2]) == pytest.approx(0)
    assert motion_error(np.zeros((3, 1, 2)), moving, [0, 1, 2]) == pytest.approx(5)
    assert motion_error(np.zeros((3, 1, 2)), moving, [0, 1, 3]) == pytest.approx(5)
    assert np.isnan(motion_error(np.zeros((3, 1, 2)), moving, [0, 2, 4]))


def test_landmark_jitter_of_a_shaking_face() -> None:
    """All points swing by one pixel around: second difference 4, eyes 50 px apart: 8 percent."""
    points = np.random.default_rng(0).uniform(0, 100, (478, 2))
    points[[33, 133]], points[[362, 263]] = (25, 40), (75, 40)
    swing = np.array([1, -1, 1, -1.0])[:, None, None] * np.array((1.0, 0))
    assert landmark_jitter(points + swing, [4, 5, 6, 7]) == pytest.approx(8)
    assert landmark_jitter(np.repeat(points[None], 4, axis=0), [0, 1, 2, 3]) == pytest.approx(0)
    assert np.isnan(landmark_jitter(points + swing, [0, 2, 4, 6]))


def test_guard_counts_the_faces_that_fell() -> None:
    """One of four known faces fell; equal is not lower, and one that rose does not make up for it."""
    assert guard_share([0.5, 0.5, 0.5, 0.5, 0.5], [0.4, 0.5, np.nan, 0.5, 0.9]) == 0.25
    assert np.isnan(guard_share([np.nan], [1.0]))


def test_means_leave_out_what_is_not_known() -> None:
    rows = [{"a": 1.0, "b": float("nan")}, {"a": 4.0, "b": 2.0}]
    assert mean_row(rows) == {"a": 2.5, "b": 2.0}
    assert mean_row(rows, [2, 1])["a"] == 2
    assert np.isnan(mean_row([{"a": float("nan")}])["a"])
    assert mean_row([]) == {}


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="n x points x 2"):
        keypoint_distance(np.zeros((3, 2)), np.zeros((3, 2)))
