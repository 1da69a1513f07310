"""One-Euro filter: rest, motion, time and gaps."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vidface.vision.oneeuro import OneEuro, PointFilter, share

RATE = 25.0


def run(
    points: np.ndarray, rules: OneEuro | None = None, *, size: float = 100, times: object = None
) -> np.ndarray:
    """Filter n x k x d points at 25 frames a second or at the given times."""
    stamps = np.arange(len(points)) / RATE if times is None else np.asarray(times, float)
    keep = PointFilter(rules or OneEuro(), points.shape[1:])
    return np.stack([keep(row, time=float(t), size=size) for row, t in zip(points, stamps, strict=True)])


def test_one_coordinate_follows_the_published_recurrence() -> None:
    """Written out by hand after the paper: speed low-passed first, cutoff from it, then the value."""
    values, rules = [0.0, 1.0, 3.0, 2.0], OneEuro(1.2, 4.0, 0.9, 10)
    step, level, speed, wanted = 1 / RATE, values[0], 0.0, [values[0]]
    for value in values[1:]:
        raw = (value - level) / step
        alpha = 1 / (1 + (1 / (2 * math.pi * 0.9)) / step)
        speed = alpha * raw + (1 - alpha) * speed
        alpha = 1 / (1 + (1 / (2 * math.pi * (1.2 + 4.0 * abs(speed) / 10))) / step)
        level = alpha * value + (1 - alpha) * level
        wanted.append(level)
    found = run(np.array(values).reshape(-1, 1, 1), rules, size=10)
    np.testing.assert_allclose(found.ravel(), wanted, rtol=1e-12)


def test_a_face_at_rest_is_calmer() -> None:
    """White noise of 0.4 % of the face: less than half of its frame-to-frame jitter is left."""
    noise = np.random.default_rng(1).normal(0, 0.4, (400, 5, 2))
    calm = run(noise)[50:]
    assert np.diff(calm, axis=0).std() < 0.5 * np.diff(noise, axis=0).std()


def test_a_moving_face_is_not_left_behind() -> None:
    """At one face width a second the lag is below 2 % of the face."""
    way = np.zeros((50, 1, 2))
    way[:, 0, 0] = np.arange(50) / RATE * 100
    lag = (way - run(way))[25:, 0, 0]
    assert 0 < lag.max() < 2


def test_resolution_does_not_matter() -> None:
    """Twice the size, twice the motion: twice the result."""
    way = np.cumsum(np.random.default_rng(2).normal(0, 1, (60, 3, 2)), axis=0)
    np.testing.assert_allclose(run(2 * way, size=200), 2 * run(way, size=100), rtol=1e-9)


def test_time_counts_in_seconds_not_in_frames() -> None:
    """A step is followed as far in 0.4 s, whether the clip has 25 or 50 frames a second or both."""
    rules = OneEuro(1.0, 0.0)
    regular = run(np.r_[0.0, np.ones(10)].reshape(-1, 1, 1), rules)[-1]
    times = np.r_[0, np.arange(1, 11) / 50, 0.2 + np.arange(1, 6) / RATE]
    mixed = run(np.r_[0.0, np.ones(15)].reshape(-1, 1, 1), rules, times=times)[-1]
    np.testing.assert_allclose(mixed, regular, atol=0.02)


def test_unknown_points_pass_and_go_on() -> None:
    """NaN stays NaN; after a short hole the point goes on from before it, other points do not notice."""
    way = np.random.default_rng(3).normal(50, 1, (20, 2, 2))
    holed = way.copy()
    holed[8:11, 0] = np.nan
    found = run(holed)
    assert np.isnan(found[8:11, 0]).all()
    assert np.array_equal(found[:, 1], run(way)[:, 1])
    assert not np.array_equal(found[11, 0], way[11, 0])


def test_a_point_of_which_one_coordinate_is_unknown_is_unknown() -> None:
    """Both coordinates of it, and only in that frame: the one that was known leaves no trace."""
    way = np.random.default_rng(3).normal(50, 1, (20, 2, 2))
    half, whole = way.copy(), way.copy()
    half[8, 0, 1] = np.nan
    whole[8, 0] = np.nan
    np.testing.assert_array_equal(run(half), run(whole))
    assert np.isnan(run(half)[8, 0]).all()
    assert np.isfinite(run(half)[9:]).all()


def test_after_a_long_hole_a_point_begins_anew() -> None:
    """Longer than max_gap_s: the value is given as it is, without memory of where it was."""
    points, times = np.array([0.0, 0.0, 500.0]).reshape(-1, 1, 1), [0, 0.04, 0.6]
    assert run(points, times=times)[-1, 0, 0] == 500
    assert run(points, OneEuro(max_gap_s=1.0), times=times)[-1, 0, 0] < 500


@pytest.mark.parametrize("later", [0.0, -1.0])
def test_time_that_does_not_go_forward_begins_anew(later: float) -> None:
    """The same time twice, or an earlier one: no division by nothing, the value as it is."""
    found = run(np.array([1.0, 9.0]).reshape(-1, 1, 1), times=[1.0, 1.0 + later])
    assert found.ravel().tolist() == [1, 9]


def test_what_does_not_fit_is_refused() -> None:
    """Another number of points, and a face without size."""
    keep = PointFilter(OneEuro(), (2, 2))
    with pytest.raises(ValueError, match="has \\(2, 2\\) points"):
        keep(np.zeros((3, 2)), time=0, size=1)
    with pytest.raises(ValueError, match="above 0, but is 0"):
        keep(np.zeros((2, 2)), time=0, size=0)


def test_share_of_a_slow_filter_is_small() -> None:
    """1 Hz at 25 frames a second takes a fifth; an endless cutoff takes all."""
    assert share(1.0, 1 / RATE) == pytest.approx(0.2008, abs=1e-4)
    assert share(1e12, 1 / RATE) == pytest.approx(1)
